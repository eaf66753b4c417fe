//! Exit statuses, as the manual promises them.

/// What a verb ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u8);

impl Status {
    /// It was done; everything that was looked at is good.
    pub(crate) const DONE: Self = Self(0);
    /// `validate`: some document is invalid. Other verbs: it failed.
    pub(crate) const FAILED: Self = Self(1);
    /// It could not run: usage, an unreadable file.
    pub(crate) const USAGE: Self = Self(2);
    /// `bench start --virtual`: nothing could be said about the baseline.
    pub(crate) const NOT_COMPARABLE: Self = Self(3);
    /// `run`: browndog failed before the init was started.
    pub(crate) const BEFORE_INIT: Self = Self(125);
    /// What a shell reports for a program that SIGPIPE ended: 128 + 13.
    pub(crate) const BROKEN_PIPE: Self = Self(141);

    /// The worse of two, where several documents were looked at.
    pub(crate) fn worse(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

impl From<u8> for Status {
    fn from(code: u8) -> Self {
        Self(code)
    }
}

impl Status {
    /// As exit(3) takes it.
    pub(crate) fn code(self) -> i32 {
        self.0.into()
    }
}
