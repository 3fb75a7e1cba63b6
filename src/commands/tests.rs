use super::*;

#[test]
fn each_row_is_whole_and_its_name_is_its_own() {
    for (index, command) in COMMANDS.iter().enumerate() {
        assert!(
            !command.summary.is_empty() && command.example.starts_with(&format!("py-{}", command.name)),
            "{command:?}"
        );
        assert!(COMMANDS.iter().skip(index + 1).all(|other| other.name != command.name), "{command:?}");
        // The example is a use of it.
        let args = command.example.strip_prefix(&format!("py-{}", command.name)).unwrap();
        assert!(Args::parse(command, args).is_ok(), "{command:?}");
    }
    for function in FUNCTIONS {
        assert!(function.usage.starts_with(&format!("$py_{}(", function.name)), "{function:?}");
    }
}

#[test]
fn what_a_command_takes_is_read_by_its_row() {
    let parse = |name: &str, text: &'static str| Args::parse(command(name).unwrap(), text);
    let usage = |name: &str, text: &'static str| parse(name, text).unwrap_err().to_string();
    assert!(parse("bt", " --all ").unwrap().has("--all"));
    assert_eq!(parse("bt", "-3").unwrap().number, Some(-3));
    assert_eq!(usage("bt", "all"), "usage: py-bt [--all] [N]");
    assert_eq!(usage("bt", "1 2"), "usage: py-bt [--all] [N]");
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
        "Python frames of the selected thread, from the selected frame outwards.\n\npy-bt [--all] [N]\n    \
         --all       of all threads\n    N           the N innermost frames; -N: the N outermost\n\nExample: py-bt 5"
    );
    assert_eq!((help.completion, help.flags), (Completion::Flags, vec!["--all"]));
}
