//! The `pyinquest` command.
fn main() -> std::process::ExitCode {
    pyinquest::cli::run(std::env::args_os()).into()
}
