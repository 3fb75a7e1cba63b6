//! [`Lines`]: where the lines of a code object begin, as `sys.settrace` of its version would tell.

use crate::base::Addr;
use crate::cpython::code::{Code, Span};
use crate::cpython::layout::{DelegationMark, JumpForm, LineEvents};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// Bytes of a code unit.
const CODE_UNIT: u64 = 2;

/// Instructions before the first `RESUME`: one for each cell variable and a few more.
const MAX_PROLOGUE: u64 = 4096;

/// Longest bytecode that is read, in bytes.
const MAX_CODE: u64 = 16 << 20;

/// The lines of a code object.
#[derive(Debug)]
pub struct Lines {
    spans: Vec<Span>,
    /// Where its bytecode begins.
    start: Addr,
    /// Offset of the first `RESUME` (3.11+), up to which nothing is traced; before the first instruction in older versions.
    first: i64,
    /// Whether the interpreter runs some two instructions as one.
    pairs: bool,
    /// Offsets of handlers that may begin a line (3.9), in order.
    handlers: Vec<u64>,
}

/// An instruction that has just been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The line that begins with it, if one does.
    pub begins: Option<u32>,
    /// The line that begins with the second half of it, where the interpreter runs two instructions as one.
    pub inside: Option<u32>,
    /// Whether compiled code takes over here.
    pub compiled: bool,
}

impl Lines {
    /// The lines of a code object, by its own copy of its bytecode.
    ///
    /// # Errors
    /// [`DecodeError`] when the line table or the bytecode cannot be read.
    pub fn of_code(ctx: &Context<'_>, code: &Code) -> Result<Self, DecodeError> {
        let start = match ctx.dialect.line_events {
            LineEvents::Starts { .. } | LineEvents::Changes { .. } => {
                ctx.addr(field!(ctx, bytes.sval), ctx.ptr(field!(ctx, code.code), code.addr)?)?
            }
            LineEvents::AfterResume { .. } | LineEvents::Instruments { .. } => {
                ctx.addr(field!(ctx, code.code_adaptive), code.addr)?
            }
        };
        Lines::of(ctx, code, start)
    }

    /// The same, where the bytecode that runs is at `start`.
    pub(super) fn of(ctx: &Context<'_>, code: &Code, start: Addr) -> Result<Self, DecodeError> {
        let mut lines = Lines { spans: code.spans(ctx)?, start, first: -1, pairs: false, handlers: Vec::new() };
        let resumes: &[u8] = match &ctx.dialect.line_events {
            LineEvents::Starts { handlers, extended } => {
                lines.handlers = self::handlers(ctx, code.addr, start, handlers, *extended)?;
                return Ok(lines);
            }
            LineEvents::Changes { .. } => return Ok(lines),
            LineEvents::AfterResume { resumes, .. } | LineEvents::Instruments { resumes, .. } => resumes,
        };
        let end = lines.spans.last().map_or(0, |span| span.end).min(MAX_PROLOGUE.saturating_mul(CODE_UNIT));
        let mut at = 0u64;
        while at < end && !resumes.contains(&lines.opcode(ctx, at.cast_signed())?) {
            at = at.saturating_add(CODE_UNIT);
        }
        lines.first = at.cast_signed();
        lines.pairs = !pairs(ctx).is_empty();
        Ok(lines)
    }

    /// The stretch of one line that holds an offset.
    fn span(&self, offset: i64) -> Option<Span> {
        let offset = u64::try_from(offset).ok()?;
        let at = self.spans.partition_point(|span| span.end <= offset);
        self.spans.get(at).copied().filter(|span| span.start <= offset)
    }

    /// Where a frame at this offset may go forward without beginning a line. The last instruction of a line may carry out
    /// the first of another one too.
    #[must_use]
    pub fn within(&self, offset: i64) -> Option<Span> {
        let mut span = self.span(offset).filter(|_| offset > self.first)?;
        if self.pairs {
            span.end = span.end.saturating_sub(CODE_UNIT);
        }
        let after = self.handlers.iter().find(|at| u64::try_from(offset).is_ok_and(|offset| **at > offset));
        span.end = span.end.min(after.copied().unwrap_or(u64::MAX));
        Some(span)
    }

    /// Where the bytecode is.
    #[must_use]
    pub fn start(&self) -> Addr {
        self.start
    }

    /// Whether the instruction at an offset begins its line whatever ran before it: it is the first of a stretch of one line,
    /// or a handler that is entered by an exception alone (3.9).
    #[must_use]
    pub fn always_begins(&self, offset: u64) -> bool {
        self.span(offset.cast_signed()).is_some_and(|span| span.start == offset) || self.handlers.contains(&offset)
    }

    /// Offsets of the instructions that may begin a line, in order.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytecode cannot be read.
    pub fn starts(&self, ctx: &Context<'_>, line: u32) -> Result<Vec<u64>, DecodeError> {
        let of_line = |span: &&Span| span.line == Some(line);
        let mut found = Vec::new();
        for span in self.spans.iter().filter(of_line) {
            found.extend(self.first_of(ctx, *span)?);
            found.extend(self.handlers.iter().filter(|at| (span.start..span.end).contains(*at)));
        }
        if found.is_empty() {
            return Ok(found);
        }
        for target in self.back_targets(ctx)? {
            if target.cast_signed() > self.first && self.line(target.cast_signed()) == Some(line) {
                found.push(target);
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The line that begins first, and with which instruction.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytecode cannot be read.
    pub fn first_line(&self, ctx: &Context<'_>) -> Result<Option<(u32, u64)>, DecodeError> {
        for span in &self.spans {
            if let (Some(line), Some(at)) = (span.line, self.first_of(ctx, *span)?) {
                return Ok(Some((line, at)));
            }
        }
        Ok(None)
    }

    /// The first instruction of a stretch that may begin a line.
    fn first_of(&self, ctx: &Context<'_>, span: Span) -> Result<Option<u64>, DecodeError> {
        let (resumes, size, never): (&[u8], u64, &[u8]) = match ctx.dialect.line_events {
            LineEvents::Starts { .. } | LineEvents::Changes { .. } => (&[], CODE_UNIT, &[]),
            LineEvents::AfterResume { resumes, .. } => (resumes, CODE_UNIT, &[]),
            LineEvents::Instruments { resumes, resume_size, never, .. } => (resumes, resume_size, never),
        };
        let mut at = span.start.max(u64::try_from(self.first).unwrap_or(0));
        while at < span.end {
            let opcode = self.opcode(ctx, at.cast_signed())?;
            at = match () {
                () if resumes.contains(&opcode) => at.saturating_add(size),
                // None of these has a cache.
                () if never.contains(&opcode) => at.saturating_add(CODE_UNIT),
                () => return Ok(Some(at)),
            };
        }
        Ok(None)
    }

    /// Where jumps go back to. Words of caches that look like a jump may add a few.
    fn back_targets(&self, ctx: &Context<'_>) -> Result<Vec<u64>, DecodeError> {
        let jumps = ctx.dialect.back_jumps;
        let length = match self.spans.last() {
            Some(last) if last.end < MAX_CODE => last.end,
            Some(_) => ctx.uint_at(
                "code.co_code",
                self.start.wrapping_offset(-self.size_before(ctx)?),
                ctx.abi.pointer_size(),
            )?,
            None => 0,
        };
        if length > MAX_CODE {
            return Err(DecodeError::corrupt("code.co_code", self.start, format!("length {length}")));
        }
        let (mut found, mut argument, mut at) = (Vec::new(), 0u64, 0u64);
        for unit in ctx.bytes_at("code.co_code", self.start, length)?.chunks_exact(2) {
            let [opcode, low] = *unit else { break };
            argument = argument.wrapping_shl(8) | u64::from(low);
            at = at.saturating_add(CODE_UNIT);
            if jumps.opcodes.contains(&opcode) {
                let target = match jumps.form {
                    JumpForm::Absolute(unit) => argument.saturating_mul(unit),
                    JumpForm::Back(cache) => at
                        .saturating_add(cache.saturating_mul(CODE_UNIT))
                        .saturating_sub(argument.saturating_mul(CODE_UNIT)),
                };
                found.extend(Some(target).filter(|target| *target < at));
            }
            if opcode != jumps.extended {
                argument = 0;
            }
        }
        Ok(found)
    }

    /// How far before the bytecode the length of its bytes object is (3.8, 3.9).
    fn size_before(&self, ctx: &Context<'_>) -> Result<i64, DecodeError> {
        let (bytes, size) = (field!(ctx, bytes.sval).1?, field!(ctx, var_object.ob_size).1?);
        Ok(bytes.saturating_sub(size).cast_signed())
    }

    fn line(&self, offset: i64) -> Option<u32> {
        self.span(offset)?.line
    }

    fn opcode(&self, ctx: &Context<'_>, offset: i64) -> Result<u8, DecodeError> {
        let at = self.start.wrapping_offset(offset);
        Ok(u8::try_from(ctx.uint_at("code.code_adaptive", at, 1)?).unwrap_or(0))
    }

    /// What a frame that was at the instruction at `before` has reached with the one at `now`.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytecode cannot be read.
    pub fn reached(&self, ctx: &Context<'_>, before: i64, now: i64) -> Result<Reached, DecodeError> {
        let pairs = pairs(ctx);
        let second = CODE_UNIT.cast_signed();
        let is_pair =
            |at: i64| Ok::<_, DecodeError>(at >= 0 && !pairs.is_empty() && pairs.contains(&self.opcode(ctx, at)?));
        let before = if is_pair(before)? { before.saturating_add(second) } else { before };
        let (begins, compiled) = self.begins(ctx, before, now)?;
        let inside = if is_pair(now)? { self.begins(ctx, now, now.saturating_add(second))?.0 } else { None };
        Ok(Reached { begins, inside, compiled })
    }

    /// Whether the step back from `before` to `now` is made without carrying out what is there.
    fn goes_back(&self, ctx: &Context<'_>, before: i64, now: i64) -> Result<bool, DecodeError> {
        let reraise = match ctx.dialect.line_events {
            _ if now >= before => return Ok(false),
            LineEvents::Starts { .. } => None,
            LineEvents::Changes { reraise }
            | LineEvents::AfterResume { reraise, .. }
            | LineEvents::Instruments { reraise, .. } => Some(reraise),
        };
        let opcode = self.opcode(ctx, before)?;
        let argument = self.opcode(ctx, before.saturating_add(1))?;
        // `YIELD_FROM` goes back before itself, to be carried out again.
        let again = matches!(ctx.dialect.delegation, DelegationMark::Opcode(again) if again == opcode);
        Ok(again || Some(opcode) == reraise && argument != 0)
    }

    /// Whether an exception that was raised at `before` begins a line in its handler at `now` (3.9).
    fn is_handled(&self, before: i64, now: i64) -> bool {
        let is_handler = u64::try_from(now).is_ok_and(|now| self.handlers.binary_search(&now).is_ok());
        // A frame that is resumed by an exception has no line yet.
        is_handler && self.span(before).is_none_or(|span| span.start != 0 && span.start.cast_signed() != before)
    }

    /// The line that begins, and whether compiled code takes over.
    fn begins(&self, ctx: &Context<'_>, before: i64, now: i64) -> Result<(Option<u32>, bool), DecodeError> {
        let Some(span) = self.span(now) else { return Ok((None, false)) };
        if self.goes_back(ctx, before, now)? {
            return Ok((None, false));
        }
        let other = self.line(before) != span.line;
        let back = now < before;
        let (begins, compiled) = match ctx.dialect.line_events {
            LineEvents::Starts { .. } | LineEvents::Changes { .. } => {
                let starts = match ctx.dialect.line_events {
                    LineEvents::Starts { .. } => span.start.cast_signed() == now || self.is_handled(before, now),
                    _ => before < 0 || other,
                };
                (starts || back, false)
            }
            LineEvents::AfterResume { resumes, send, .. } => {
                let opcode = self.opcode(ctx, now)?;
                let back = back && opcode != send;
                (now > self.first && !resumes.contains(&opcode) && (before <= self.first || other || back), false)
            }
            LineEvents::Instruments { resumes, never, silent_jump, compiled, .. } => {
                let opcode = self.opcode(ctx, now)?;
                let may = now > self.first && !resumes.contains(&opcode) && !never.contains(&opcode);
                let jump = back && self.opcode(ctx, before)? != silent_jump;
                (may && (other || before == self.first || jump), Some(opcode) == compiled)
            }
        };
        Ok((span.line.filter(|_| begins), compiled))
    }
}

/// Instructions that carry out the next one too.
fn pairs(ctx: &Context<'_>) -> &'static [u8] {
    match ctx.dialect.line_events {
        LineEvents::Starts { .. } | LineEvents::Changes { .. } => &[],
        LineEvents::AfterResume { pairs, .. } | LineEvents::Instruments { pairs, .. } => pairs,
    }
}

/// Offsets of handlers of the code object at `code`, in order.
fn handlers(ctx: &Context<'_>, code: Addr, start: Addr, setups: &[u8], extended: u8) -> Result<Vec<u64>, DecodeError> {
    if setups.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = ctx.ptr(field!(ctx, code.code), code)?;
    let length = ctx.uint(field!(ctx, var_object.ob_size), bytes, ctx.abi.pointer_size())?;
    if length > MAX_CODE {
        return Err(DecodeError::corrupt("code.co_code", bytes, format!("length {length}")));
    }
    let (mut found, mut argument, mut at) = (Vec::new(), 0u64, 0u64);
    for unit in ctx.bytes_at("code.co_code", start, length)?.chunks_exact(2) {
        let [opcode, low] = *unit else { break };
        argument = argument.wrapping_shl(8) | u64::from(low);
        at = at.saturating_add(CODE_UNIT);
        if setups.contains(&opcode) {
            found.push(at.saturating_add(argument));
        }
        if opcode != extended {
            argument = 0;
        }
    }
    found.sort_unstable();
    Ok(found)
}
