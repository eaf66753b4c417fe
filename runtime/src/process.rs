//! What the kernel says of a process by its number (proc_pid_stat(5)).

/// A process at the moment it was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// One letter: R, S, D, T, Z ...
    pub state: char,
    /// Its parent's number.
    pub parent: i32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

impl Stat {
    /// Of the process that has this number now; `None` where there is none, or /proc does not show it.
    pub fn read(pid: i32) -> Option<Self> {
        // A command may hold anything, also what is no text: counted is after its closing parenthesis.
        let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let text = String::from_utf8_lossy(&text);
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        Some(Self {
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            start: fields.nth(17)?.parse().ok()?,
        })
    }

    /// Whether it is no zombie, and not on its way to be removed.
    pub fn lives(&self) -> bool {
        !"ZX".contains(self.state)
    }
}
