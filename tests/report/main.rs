//! Renderers: every format of hand-made reports, and the JSON schema.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod faulthandler;
mod sample;

use pyinquest::base::Addr;
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::model::{
    FileStatus, FindingId, LayoutProvider, ModuleId, ModuleInfo, NativeFrame, Report, SCHEMA_VERSION, SourceKind,
};
use pyinquest::render::palette::Palette;
use pyinquest::render::text::TextOptions;
use pyinquest::render::{html, info, json, markdown, select, text};
use sample::make;
use std::path::Path;

/// No byte that a terminal would act upon, but for the line end.
fn assert_inert(name: &str, text: &str) {
    let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
    assert_eq!(bad, None, "{name}");
}

#[test]
fn text_report() {
    let text = text::render(&sample::crash(), &TextOptions::default());
    assert_inert("text", &text);
    insta::assert_snapshot!(text);
}

#[test]
fn text_report_verbose() {
    let options = TextOptions { verbose: true, plumbing: true, ..TextOptions::default() };
    let text = text::render(&sample::crash(), &options);
    assert_inert("text", &text);
    assert!(
        text.contains("_PyEval_EvalFrameDefault")
            && text.contains("registers")
            && text.contains("=> 0x00007f000009d7a0  0fb600")
            && text.contains("no source for")
    );
    assert_eq!(text.matches("in odd").count(), 70, "nothing is folded");
}

#[test]
fn text_report_in_colour_differs_only_by_escape_sequences() {
    let colored = TextOptions { palette: Palette::colored(), ..TextOptions::default() };
    let text = text::render(&sample::crash(), &colored);
    assert!(text.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let tail = &rest[at..];
        rest = &tail[tail.find('m').unwrap() + 1..];
    }
    plain.push_str(rest);
    assert_eq!(plain, text::render(&sample::crash(), &TextOptions::default()));
}

#[test]
fn text_without_python() {
    insta::assert_snapshot!(text::render(&sample::no_python(), &TextOptions::default()));
}

#[test]
fn empty_report_renders_everywhere() {
    let empty = Report::default();
    let _ = text::render(&empty, &TextOptions::default());
    let _ = text::stacks(&empty, &TextOptions::default());
    let _ = info::render(&empty, &TextOptions::default());
    let _ = markdown::render(&empty);
    let _ = html::render(&empty);
    assert!(pyinquest::render::faulthandler::render(&empty).text.is_empty());
}

#[test]
fn stacks_view_of_one_frame_keeps_its_number() {
    let mut report = sample::crash();
    select::threads(&mut report, &select::Threads::Id(101)).unwrap();
    select::frame(&mut report, 3).unwrap();
    let text = text::stacks(&report, &TextOptions { first_frame: 3, ..TextOptions::default() });
    insta::assert_snapshot!(text, @r#"
    Thread 101 "MainThread" (crashed, main thread, holds the GIL), most recent call first:
        #3 File "/app/main.py", line 30, in main
      handling KeyError: 'x'
          File "/app/main.py", line 28, in main
      raised while handling ValueError: bad
    "#);
}

#[test]
fn selection_names_what_there_is() {
    let mut report = sample::crash();
    let missing = select::threads(&mut report, &select::Threads::Id(1)).unwrap_err().to_string();
    assert_eq!(missing, "no thread 1; there are 101, 103, 102, 104, 105");
    select::threads(&mut report, &select::Threads::Id(0x7f28_0000_0066)).unwrap();
    assert_eq!(report.threads.len(), 1);
    assert_eq!(select::frame(&mut report, 9).unwrap_err().to_string(), "no frame 9; the stack has 2");
    let mut report = sample::crash();
    select::threads(&mut report, &select::Threads::Name("worker-<b>".to_owned())).unwrap();
    assert_eq!(report.threads[0].tid, Some(103));
}

#[test]
fn info_view() {
    let text = info::render(&sample::crash(), &TextOptions::default());
    assert_inert("info", &text);
    insta::assert_snapshot!(text);
}

#[test]
fn markdown_report() {
    let text = markdown::render(&sample::crash());
    assert_inert("markdown", &text);
    insta::assert_snapshot!(text);
}

#[test]
fn html_report() {
    let text = html::render(&sample::crash());
    assert_inert("html", &text);
    assert!(!text.contains("worker-<b>") && text.contains("worker-&lt;b&gt;"));
    assert!(!text.contains("<script") && !text.contains("http:") && !text.contains("https:"));
    insta::assert_snapshot!(text);
}

#[test]
fn json_keeps_everything_and_fits_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(&json::schema().unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [sample::crash(), sample::no_python(), Report::default()] {
        let text = json::render(&report).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
    assert!(!validator.is_valid(&serde_json::json!({"threads": 3})));
}

/// What the program wrote before version 2.0 of the schema.
const SCHEMA_1: &str = include_str!("report-1.1.json");

#[test]
fn reports_of_schema_1_are_read_and_shown() {
    let report: Report = serde_json::from_str(SCHEMA_1).unwrap();
    assert_eq!(report.source.kind, Some(SourceKind::ElfCore));
    let providers: Vec<_> = report.python.as_ref().unwrap().layout_providers.iter().map(|(p, n)| (*p, *n)).collect();
    assert_eq!(providers, [(LayoutProvider::Table, 324), (LayoutProvider::DebugOffsets, 62)]);
    assert!(report.modules.iter().any(|m| m.file_status == Some(FileStatus::BuildIdMismatch)));
    assert!(info::render(&report, &TextOptions::default()).contains("libc.so.6  (build id mismatch)"));
    assert!(text::render(&report, &TextOptions::default()).contains("raised by the process itself"));
    assert!(html::render(&report).contains("SIGSEGV"));
    // Written again it is one of this version, in the words of this version.
    let again = json::render(&report).unwrap();
    assert!(SCHEMA_1.contains("build_id_mismatch") && SCHEMA_1.contains("\"1.1\""));
    assert!(!again.contains("build_id_mismatch") && again.contains(SCHEMA_VERSION));
    let schema: serde_json::Value = serde_json::from_str(&json::schema().unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::from_str(&again).unwrap()));
    assert_eq!(serde_json::from_str::<Report>(&again).unwrap(), report);
}

#[test]
fn a_file_that_is_mapped_twice_is_two_modules() {
    let module = |id, base| {
        make!(ModuleInfo {
            id: ModuleId::new(id),
            path: "/app/ext.so".to_owned(),
            base: Addr(base),
            ..ModuleInfo::default()
        })
    };
    let report = make!(Report { modules: vec![module(3, 0x1000), module(5, 0x9000)], ..Report::default() });
    let base = |module_id| {
        let frame = make!(NativeFrame { module: Some("/app/ext.so".to_owned()), module_id, ..NativeFrame::default() });
        report.module_of(&frame).map(|m| m.base)
    };
    assert_eq!(base(ModuleId::new(5)), Some(Addr(0x9000)));
    assert_eq!(base(ModuleId::new(4)), None);
    // A report of schema 1.x has no ids.
    assert_eq!(base(None), Some(Addr(0x1000)));
}

#[test]
fn frames_of_a_dump_name_their_modules_by_id() {
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cores/3.12-basic.core.zst");
    let search = SearchOptions { no_files: true, ..SearchOptions::default() };
    let inspection = Inspection::open(&dump, &search).unwrap();
    let report = inspection.report(&Options { native: true, ..Options::default() });
    let natives: Vec<&NativeFrame> =
        report.threads.iter().flat_map(|t| &t.frames).filter_map(|f| f.native.as_ref()).collect();
    let named = natives.iter().filter(|n| n.module.is_some()).count();
    assert!(named > 3, "{natives:#?}");
    for native in natives {
        assert_eq!(report.module_of(native).map(|m| &m.path), native.module.as_ref());
        assert_eq!(native.module_id.is_some(), native.module.is_some());
    }
    let python = report.python.unwrap();
    let runtime = report.modules.iter().find(|m| m.id == python.module_id).map(|m| &m.path);
    assert!(runtime.is_some() && runtime == python.module.as_ref());
    assert_eq!(report.findings[0].id, FindingId::NullPointer);
}

#[test]
fn committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let current = json::schema().unwrap();
    assert!(committed == current, "write it anew: pyinquest schema report > docs/report.schema.json");
}

/// Each rule has a row in docs/findings.md, and each row is of a rule.
#[test]
fn the_table_of_findings_has_every_rule() {
    let schema: serde_json::Value = serde_json::from_str(&json::schema().unwrap()).unwrap();
    let variants = schema["$defs"]["FindingId"]["anyOf"].as_array().expect("the rules are an enum").iter();
    let rules: std::collections::BTreeSet<&str> = variants.filter_map(|v| v["const"].as_str()).collect();
    let docs = include_str!("../../docs/findings.md");
    let (_, table) = docs.split_once("| id | it rests on |\n|---|---|\n").expect("the table");
    let rows = table.lines().take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let told: std::collections::BTreeSet<&str> = rows.flat_map(|ids| ids.split('`').skip(1).step_by(2)).collect();
    assert!(rules.len() > 40);
    assert_eq!(told, rules);
}
