//! Arguments of a command that are set up when it is the one that is called.

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};
use std::cell::Cell;
use std::ops::Deref;

/// `T`, whose arguments clap is told of once the command's name has been read: to set up those of all commands took an eighth
/// of the time of `bt`.
#[derive(Clone, Debug)]
pub struct Later<T>(T);

thread_local! {
    static AT_ONCE: Cell<bool> = const { Cell::new(false) };
}

/// Runs what sets up commands, with the arguments of all: clap puts together what `help` takes before those that come later.
pub fn at_once<R>(set_up: impl FnOnce() -> R) -> R {
    AT_ONCE.set(true);
    let out = set_up();
    AT_ONCE.set(false);
    out
}

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Later)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        if AT_ONCE.get() { with_own_help::<T>(command) } else { command.defer(with_own_help::<T>) }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

/// What the command says of itself stays: the structure of the arguments has a comment too, which clap would take.
fn with_own_help<T: Args>(command: Command) -> Command {
    let (about, long) = (command.get_about().cloned(), command.get_long_about().cloned());
    T::augment_args(command).about(Resettable::from(about)).long_about(Resettable::from(long))
}
