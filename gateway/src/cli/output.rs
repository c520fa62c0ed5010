//! Standard output, heard or not.

use std::io::{self, ErrorKind, StdoutLock, Write};

/// Standard output for a command whose exit code counts, too. Its reader may have seen enough
/// (`weir check … | head`): what is said from then on is lost, and the command goes on to its end.
pub(super) struct Output<W> {
    to: W,
    is_closed: bool,
}

impl Output<StdoutLock<'static>> {
    pub(super) fn standard() -> Self {
        Self::new(io::stdout().lock())
    }
}

impl<W: Write> Output<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            is_closed: false,
        }
    }

    /// Does what has to do with the reader, if there is one; `unheard` is the result otherwise.
    fn attempt<T>(
        &mut self,
        unheard: T,
        write: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.is_closed {
            return Ok(unheard);
        }
        match write(&mut self.to) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(unheard)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many writes, and then fails.
    struct Failing(usize, ErrorKind);

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => return Err(self.1.into()),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_has_gone_ends_nothing() {
        let mut out = Output::new(Failing(1, ErrorKind::BrokenPipe));
        for _ in 0..3 {
            assert_eq!(out.write(b"abc").expect("no error"), 3);
        }
        assert!(out.flush().is_ok() && out.is_closed);
    }

    #[test]
    fn any_other_error_is_one() {
        let mut out = Output::new(Failing(0, ErrorKind::StorageFull));
        assert!(out.write(b"abc").is_err());
    }
}
