use super::*;

#[test]
fn each_row_is_whole_and_its_name_is_its_own() {
    for (index, command) in COMMANDS.iter().enumerate() {
        assert!(!command.summary.is_empty() && command.example.starts_with(command.name), "{command:?}");
        assert!(COMMANDS.iter().skip(index + 1).all(|other| other.name != command.name), "{command:?}");
        // The example is a use of it.
        let args = command.example.strip_prefix(command.name).unwrap();
        assert!(Args::parse(command, args, DEBUGGER_PREFIX).is_ok(), "{command:?}");
    }
    for function in FUNCTIONS {
        assert!(function.usage.starts_with(&format!("$py_{}(", function.name)), "{function:?}");
    }
}

/// Where no engine starts, each of them says why; one that the debugger does not know says nothing of it.
#[test]
fn debuggers_know_every_command_before_there_is_an_engine() {
    let script = include_str!("../../gdb-scripts/pyinquest_bridge.py");
    let list = script.split("WITHOUT_ENGINE = (").nth(1).unwrap().split(')').next().unwrap();
    let names: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(names, debugger_commands().map(|command| command.name).collect::<Vec<_>>());
}

#[test]
fn what_a_command_takes_is_read_by_its_row() {
    let parse = |name: &str, text: &'static str| Args::parse(command(name).unwrap(), text, DEBUGGER_PREFIX);
    let usage = |name: &str, text: &'static str| parse(name, text).unwrap_err().to_string();
    assert!(parse("bt", " --all ").unwrap().has("--all"));
    assert_eq!(parse("bt", "-3").unwrap().number, Some(-3));
    assert_eq!(usage("bt", "all"), "usage: py-bt [full] [--all] [--native] [N]");
    assert_eq!(usage("bt", "1 2"), "usage: py-bt [full] [--all] [--native] [N]");
    assert_eq!(usage("status", "x"), "usage: py-status");
    assert_eq!(parse("print", " a ['b c'] ").unwrap().path, "a ['b c']");
    assert_eq!(usage("print", " "), "usage: py-print NAME[.ATTRIBUTE|[KEY]]..., or 0xADDRESS");
    assert_eq!(parse("object", "0x10").unwrap().address(), Some(crate::base::Addr(16)));
    assert_eq!(parse("object", "x10").unwrap().address(), None);
    for (text, lines) in [("", None), ("9", Some((9, 19))), (" 1 , 3 ", Some((1, 3)))] {
        assert_eq!(parse("list", text).unwrap().lines, lines);
    }
    for text in ["3,1", "1,", "x"] {
        assert_eq!(usage("list", text), "usage: py-list [START[,END]]");
    }
}

#[test]
fn help_says_usage_arguments_and_an_example() {
    let help = command("bt").unwrap().for_debuggers();
    assert_eq!(
        help.help,
        "Python frames of the selected thread, from the selected frame outwards.\n\npy-bt [full] [--all] [--native] [N]\n    \
         full        with arguments and locals\n    --all       of all threads\n    \
         --native    with native frames, as far as they can be told without the debugger\n    \
         N           the N innermost frames; -N: the N outermost\n\nExample: py-bt 5"
    );
    assert_eq!((help.completion, help.flags), (Completion::Flags, vec!["full", "--all", "--native"]));
}

#[test]
fn options_have_values_and_come_before_the_path() {
    let parse = |name: &str, text: &'static str| Args::parse(command(name).unwrap(), text, "");
    let args = parse("refs", "--out --limit 5 a['x y'] --json").unwrap();
    assert_eq!((args.has("--out"), args.count("--limit"), args.path, args.json), (true, Some(5), "a['x y']", true));
    assert_eq!(parse("print", "--json a --json --json").unwrap(), Args::of_path("a").with_json(true));
    let args = parse("heap", "--where='title=two words' --sort count --type app.Session").unwrap();
    assert_eq!(args.value("--where"), Some("title=two words"));
    assert_eq!((args.value("--sort"), args.value("--type")), (Some("count"), Some("app.Session")));
    for (name, text) in [("heap", "--limit x"), ("heap", "--sort size"), ("heap", "--type"), ("heap", "x"), ("why", "")]
    {
        assert_eq!(parse(name, text).unwrap_err().to_string(), format!("usage: {}", command(name).unwrap().usage("")));
    }
    // One of both, not both.
    assert!(parse("why", "--type T").is_ok() && parse("why", "x.y").is_ok() && parse("why", "--type T x").is_err());
    let frame = parse("frame", "handler").unwrap();
    assert_eq!((frame.name, frame.number), (Some("handler"), None));
    assert_eq!(parse("frame", "2").unwrap().number, Some(2));
    assert_eq!(parse("thread", "apply all bt 3").unwrap().path, "apply all bt 3");
}
