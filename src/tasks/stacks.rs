//! [`Stacks`]: the places where tasks stand, each once.

use super::reader::Reader;
use crate::base::{Addr, Text};
use crate::cpython::frame::{FramePlace, PyFrame};
use foldhash::HashMap;

/// The frames of one place, innermost first.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Index of the interpreter.
    pub interpreter: usize,
    /// Frames of one task that stands there, each with its qualified name where only its generator knows it (until 3.10).
    pub frames: Vec<(PyFrame, Option<Text>)>,
}

/// All places where tasks and greenlets stand.
#[derive(Debug, Default)]
pub struct Stacks {
    numbers: HashMap<Box<[(Addr, i64)]>, u32>,
    /// The stacks, by number.
    pub list: Vec<Stack>,
}

impl Stacks {
    /// The number of a stack whose frames are read already; `None` for one without frames.
    pub fn of_frames(&mut self, interpreter: usize, frames: &[PyFrame]) -> Option<u32> {
        let place = |frame: &PyFrame| Some((frame.code.as_ref().ok()?.addr, *frame.lasti.as_ref().ok()?));
        // What could not be read of one is not known to be as in another.
        let key: Option<Box<[(Addr, i64)]>> = frames.iter().map(place).collect();
        self.numbered(interpreter, key, frames, |frame| (frame.clone(), None))
    }

    /// The number of a stack; `None` for one without frames.
    pub(super) fn number(
        &mut self,
        reader: &Reader<'_, '_>,
        interpreter: usize,
        frames: &[(FramePlace, Option<Addr>)],
    ) -> Option<u32> {
        let key: Box<[(Addr, i64)]> = frames.iter().map(|(f, _)| (f.code, f.lasti)).collect();
        self.numbered(interpreter, Some(key), frames, |(place, generator)| {
            let frame = place.frame(&reader.heap.ctx, reader.codes);
            let known = frame.code.as_ref().is_ok_and(|code| code.qualname.is_some());
            let name = generator.filter(|_| !known).and_then(|g| reader.generator_name(g));
            (frame, name.map(|name| Text::from(name.as_str())))
        })
    }

    /// The number of what stands at `key`; `read` reads a frame of one that is new.
    fn numbered<F>(
        &mut self,
        interpreter: usize,
        key: Option<Box<[(Addr, i64)]>>,
        frames: &[F],
        read: impl Fn(&F) -> (PyFrame, Option<Text>),
    ) -> Option<u32> {
        if frames.is_empty() {
            return None;
        }
        if let Some(known) = key.as_ref().and_then(|key| self.numbers.get(key)) {
            return Some(*known);
        }
        let number = u32::try_from(self.list.len()).ok()?;
        self.list.push(Stack { interpreter, frames: frames.iter().map(read).collect() });
        if let Some(key) = key {
            self.numbers.insert(key, number);
        }
        Some(number)
    }
}
