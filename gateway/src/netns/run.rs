//! Running a command to its end, with an error that shows what was typed and what came back.

use std::process::{Command, ExitStatus, Stdio};

use super::{Error, Result};

/// What a finished command left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `command` to its end, whatever its exit status.
///
/// # Errors
/// [`Error::Start`] if there is no such program or it can't be started.
pub fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null());
    let output = command.output().map_err(|source| Error::Start {
        command: shown(command),
        source,
    })?;
    Ok(Output {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs `command` to its end and returns its standard output; a failure is an error.
pub(super) fn succeed(command: &mut Command) -> Result<String> {
    let done = output(command)?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    Err(Error::Failed {
        command: shown(command),
        status: done.status,
        output: format!("{}{}", done.stdout, done.stderr)
            .trim_end()
            .to_owned(),
    })
}

/// Runs `program` with the words of `line` as its arguments; none of them may contain a space.
pub(super) fn words(program: &str, line: &str) -> Result<String> {
    succeed(Command::new(program).args(line.split_whitespace()))
}

/// The command line as one would type it, near enough for an error message.
pub(super) fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
