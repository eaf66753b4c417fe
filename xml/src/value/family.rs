//! Socket families.

/// Every family that a document can name beside those of every container, and its number (`AF_*` of
/// linux/socket.h, without `AF_`, in lower case). 0 stands for all of them.
const FAMILIES: [(&str, u8); 28] = [
    ("alg", 38),
    ("any", 0),
    ("appletalk", 5),
    ("ax25", 3),
    ("bluetooth", 31),
    ("caif", 37),
    ("can", 29),
    ("ieee802154", 36),
    ("ipx", 4),
    ("isdn", 34),
    ("kcm", 41),
    ("key", 15),
    ("llc", 26),
    ("mctp", 45),
    ("mpls", 28),
    ("netrom", 6),
    ("nfc", 39),
    ("packet", 17),
    ("phonet", 35),
    ("pppox", 24),
    ("qipcrtr", 42),
    ("rds", 21),
    ("rxrpc", 33),
    ("smc", 43),
    ("tipc", 30),
    ("vsock", 40),
    ("x25", 9),
    ("xdp", 44),
];

/// A family of sockets (socket(2)) that only some containers may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketFamily(u8);

impl SocketFamily {
    /// What a document can write.
    pub const WORDS: &'static [&'static str] = &{
        let mut words = [""; FAMILIES.len()];
        let mut at = 0;
        while at < FAMILIES.len() {
            words[at] = FAMILIES[at].0;
            at += 1;
        }
        words
    };

    /// The family of this name.
    pub fn parse(name: &str) -> Option<Self> {
        FAMILIES.iter().find(|(have, _)| *have == name).map(|(_, number)| Self(*number))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        FAMILIES.iter().find(|(_, number)| *number == self.0).map_or("", |(name, _)| *name)
    }

    /// Its number: the first argument of socket(2). 0 is every family.
    pub const fn number(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_found_by_its_name_and_named_by_its_number() {
        for name in SocketFamily::WORDS {
            let family = SocketFamily::parse(name).expect("it is in the table");
            assert_eq!(family.name(), *name);
            assert!(family.number() < 64, "the filter keeps them in a mask of 64 bits");
        }
        assert_eq!(SocketFamily::parse("vsock").map(SocketFamily::number), Some(40));
        assert_eq!(SocketFamily::parse("inet"), None, "what every container has need not be named");
    }
}
