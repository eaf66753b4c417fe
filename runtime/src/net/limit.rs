//! Bounds on what passes a link, at its end on the host: tc(8)'s qdiscs by rtnetlink(7).

use std::fmt::{self, Display, Formatter};

use browndog_xml::domain::Bandwidth;
use netlink_packet_core::{DefaultNla, Emitable, NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL, Nla, NlasIterator};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{
    TcAction, TcActionAttribute, TcActionOption, TcAttribute, TcFilterU32, TcFilterU32Option, TcHandle,
    TcMessage, TcOption, TcU32Key, TcU32Selector, TcU32SelectorFlags,
};
use nix::errno::Errno;
use nix::libc;

use super::rtnetlink::Routing;

/// A bound on one direction of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The link's end on the host.
    pub link: String,
    /// Which way.
    pub direction: Direction,
    /// Bytes per second.
    pub average: u64,
    /// Bytes per second while there is something of the burst left; without, as fast as the link is.
    pub peak: Option<u64>,
    /// Bytes.
    pub burst: u32,
}

/// As the container sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What the container gets: leaves the host's end, and can wait there.
    Inbound,
    /// What the container sends: arrives at the host's end, where nothing can wait.
    Outbound,
}

/// The largest frame of a link whose MTU is the largest, with its header and a VLAN tag: a bucket that
/// cannot hold a frame never lets it pass. The kernel hands segments of a TCP stream on by as much, too.
const PACKET: u32 = 65_600;

/// The longest that a burst may take, in the ticks in which the kernel counts (PSCHED_SHIFT of
/// net/pkt_sched.h: 64 ns).
const TICK_NS: u128 = 64;

impl Limit {
    /// The bound that the document asks for, and whether its burst had to be larger.
    ///
    /// Without a burst, libvirt's policer lets one second pass at once; its shaper next to nothing, which
    /// here is 10 ms.
    ///
    /// # Errors
    /// Why the kernel cannot hold it.
    pub fn of(asked: &Bandwidth, direction: Direction, link: &str) -> Result<(Self, bool), String> {
        let default = match direction {
            Direction::Inbound => asked.average / 100,
            Direction::Outbound => asked.average / 1000 * 1024,
        };
        let burst = asked.burst.unwrap_or(default).max(PACKET.into());
        let raised = asked.burst.is_some_and(|asked| asked < burst);
        let link = link.to_owned();
        let Bandwidth { average, peak, .. } = *asked;
        let burst = u32::try_from(burst)
            .map_err(|_| format!("a burst of {} KiB is more than the kernel counts, 4 GiB", burst / 1024))?;
        let limit = Self { link, direction, average, peak, burst };
        if limit.ticks() > u32::MAX.into() {
            let seconds = u64::from(burst) / average;
            return Err(format!(
                "a burst of {} KiB takes {seconds} s at the average: the kernel counts to 274",
                burst / 1024
            ));
        }
        Ok((limit, raised))
    }

    /// How long the burst takes at the average rate.
    fn ticks(&self) -> u128 {
        u128::from(self.burst) * 1_000_000_000 / u128::from(self.average.max(1)) / TICK_NS
    }

    /// The same as a number of the kernel's: [`Limit::of`] has looked.
    fn burst_time(&self) -> u32 {
        u32::try_from(self.ticks()).unwrap_or(u32::MAX)
    }

    /// Bytes that may wait: a burst, and what passes in 200 ms.
    fn queue(&self) -> u32 {
        u32::try_from(self.average / 5).unwrap_or(u32::MAX).saturating_add(self.burst)
    }

    /// Sets the bound; what the kernel says it has set is compared with it.
    ///
    /// # Errors
    /// The errno of a request (ENOENT: the kernel lacks this qdisc), or ERANGE where another bound was set.
    pub(crate) fn set(&self) -> Result<(), Errno> {
        let host = Routing::open()?;
        let index = host.index_of(&self.link)?.cast_signed();
        let (set, bytes) = match self.direction {
            Direction::Inbound => (self.shape(&host, index)?, self.queue()),
            Direction::Outbound => (self.police(&host, index)?, 0),
        };
        // The kernel says how long a burst takes, as it comes out of its own arithmetic, which rounds.
        let rounded = set.burst_time.abs_diff(self.burst_time()) <= 2 + self.burst_time() / 1000;
        let same =
            (set.average, set.peak, set.queue) == (self.average, self.peak.unwrap_or(0), bytes) && rounded;
        if same { Ok(()) } else { Err(Errno::ERANGE) }
    }

    /// A token bucket filter, which lets wait what is too much (tc-tbf(8)).
    fn shape(&self, host: &Routing, index: i32) -> Result<Held, Errno> {
        let mut parameters = self.ratespecs();
        for number in [self.queue(), self.burst_time(), 0] {
            parameters.extend(number.to_ne_bytes());
        }
        let mut options = vec![
            DefaultNla::new(TBF.parameters, parameters),
            DefaultNla::new(TBF.rate64, self.average.to_ne_bytes().to_vec()),
            DefaultNla::new(TCA_TBF_BURST, self.burst.to_ne_bytes().to_vec()),
        ];
        if let Some(peak) = self.peak {
            options.push(DefaultNla::new(TBF.peak64, peak.to_ne_bytes().to_vec()));
            options.push(DefaultNla::new(TCA_TBF_PBURST, PACKET.to_ne_bytes().to_vec()));
        }
        let mut qdisc = TcMessage::with_index(index);
        qdisc.header.parent = TcHandle::ROOT;
        let options = options.into_iter().map(TcOption::Other).collect();
        qdisc.attributes = vec![TcAttribute::Kind("tbf".to_owned()), TcAttribute::Options(options)];
        match host.request(RouteNetlinkMessage::NewQueueDiscipline(qdisc), NEW | NLM_F_ECHO)? {
            Some(RouteNetlinkMessage::NewQueueDiscipline(made)) => {
                let options = options_of(&made).find_map(|option| match option {
                    TcOption::Other(options) => Some(value(options)),
                    _ => None,
                });
                TBF.read(&options.ok_or(Errno::EPROTO)?)
            }
            _ => Err(Errno::EPROTO),
        }
    }

    /// A policer behind a filter that takes everything, which drops what is too much (tc-police(8)).
    fn police(&self, host: &Routing, index: i32) -> Result<Held, Errno> {
        let major = TcHandle::INGRESS.major;
        let mut ingress = TcMessage::with_index(index);
        ingress.header.parent = TcHandle::INGRESS;
        ingress.header.handle = TcHandle { major, minor: 0 };
        ingress.attributes = vec![TcAttribute::Kind("ingress".to_owned())];
        let _made = host.request(RouteNetlinkMessage::NewQueueDiscipline(ingress), NEW)?;
        let mut filter = TcMessage::with_index(index);
        filter.header.parent = TcHandle { major, minor: 0 };
        // Priority 1, and every protocol.
        filter.header.info = (1 << 16) | u32::from((libc::ETH_P_ALL as u16).to_be());
        filter.attributes = vec![
            TcAttribute::Kind(TcFilterU32::KIND.to_owned()),
            TcAttribute::Options(vec![
                TcOption::U32(TcFilterU32Option::Selector(everything())),
                TcOption::U32(TcFilterU32Option::Action(vec![self.policer()])),
            ]),
        ];
        match host.request(RouteNetlinkMessage::NewTrafficFilter(filter), NEW | NLM_F_ECHO)? {
            Some(RouteNetlinkMessage::NewTrafficFilter(made)) => {
                let actions = options_of(&made).find_map(|option| match option {
                    TcOption::U32(TcFilterU32Option::Action(actions)) => actions.first(),
                    _ => None,
                });
                let attributes = actions.map(|action| action.attributes.as_slice()).unwrap_or_default();
                let options = attributes.iter().find_map(|attribute| match attribute {
                    TcActionAttribute::Options(options) => Some(options.as_slice()),
                    _ => None,
                });
                let options = options.ok_or(Errno::EPROTO)?;
                let mut bytes = vec![0; options.buffer_len()];
                options.emit(&mut bytes);
                POLICE.read(&bytes)
            }
            _ => Err(Errno::EPROTO),
        }
    }

    fn policer(&self) -> TcAction {
        let mut parameters = Vec::new();
        for number in [0, TC_ACT_SHOT, 0, self.burst_time(), PACKET] {
            parameters.extend(number.to_ne_bytes());
        }
        parameters.extend(self.ratespecs());
        parameters.extend([0; 3 * size_of::<u32>()]);
        let mut options = vec![
            DefaultNla::new(POLICE.parameters, parameters),
            DefaultNla::new(TCA_POLICE_RATE, vec![0; RATE_TABLE]),
            DefaultNla::new(POLICE.rate64, self.average.to_ne_bytes().to_vec()),
        ];
        if let Some(peak) = self.peak {
            options.push(DefaultNla::new(TCA_POLICE_PEAKRATE, vec![0; RATE_TABLE]));
            options.push(DefaultNla::new(POLICE.peak64, peak.to_ne_bytes().to_vec()));
        }
        let options = options.into_iter().map(TcActionOption::Other).collect();
        let mut action = TcAction::default();
        action.attributes =
            vec![TcActionAttribute::Kind("police".to_owned()), TcActionAttribute::Options(options)];
        action
    }

    /// Two `struct tc_ratespec` (linux/pkt_sched.h): the average, and the peak or nothing.
    fn ratespecs(&self) -> Vec<u8> {
        let spec = |rate: u64| {
            // cell_log (of a table that no kernel reads any more), linklayer (Ethernet), overhead,
            // cell_align, mpu; a rate that is too large stands in an attribute of its own.
            let mut spec = vec![9, 1, 0, 0, 0, 0, 0, 0];
            spec.extend(u32::try_from(rate).unwrap_or(u32::MAX).to_ne_bytes());
            spec
        };
        let mut specs = spec(self.average);
        specs.extend(self.peak.map_or_else(|| vec![0; RATESPEC], spec));
        specs
    }
}

const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;
const RATESPEC: usize = 12;
/// TC_RTAB_SIZE (linux/pkt_sched.h): the policer wants one.
const RATE_TABLE: usize = 1024;
const TCA_TBF_BURST: u16 = 6;
const TCA_TBF_PBURST: u16 = 7;
const TCA_POLICE_RATE: u16 = 2;
const TCA_POLICE_PEAKRATE: u16 = 3;
/// Drop (linux/pkt_cls.h).
const TC_ACT_SHOT: u32 = 2;

/// One key of no bits.
fn everything() -> TcU32Selector {
    let mut selector = TcU32Selector::default();
    selector.flags = TcU32SelectorFlags::Terminal;
    selector.nkeys = 1;
    selector.keys = vec![TcU32Key::default()];
    selector
}

/// A bound as the kernel holds it.
#[derive(Debug)]
struct Held {
    average: u64,
    peak: u64,
    queue: u32,
    burst_time: u32,
}

/// Where a bound stands in the options of a qdisc or action.
struct Layout {
    /// The attribute of the parameters.
    parameters: u16,
    /// Attributes of rates that have no place there.
    rate64: u16,
    peak64: u16,
    /// Offsets in the parameters: of the two `tc_ratespec`s, and of 32-bit numbers.
    rates: usize,
    queue: Option<usize>,
    burst_time: usize,
}

/// `struct tc_tbf_qopt` and TCA_TBF_* (linux/pkt_sched.h).
const TBF: Layout = Layout { parameters: 1, rate64: 4, peak64: 5, rates: 0, queue: Some(24), burst_time: 28 };

/// `struct tc_police` and TCA_POLICE_* (linux/pkt_cls.h).
const POLICE: Layout = Layout { parameters: 1, rate64: 8, peak64: 9, rates: 20, queue: None, burst_time: 12 };

impl Layout {
    fn read(&self, options: &[u8]) -> Result<Held, Errno> {
        let find = |kind: u16| {
            let mut attributes = NlasIterator::new(options).flatten();
            attributes.find(|attribute| attribute.kind() == kind).map(|attribute| attribute.value().to_vec())
        };
        let parameters = find(self.parameters).ok_or(Errno::EPROTO)?;
        let number = |at: usize| {
            let bytes = parameters.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_ne_bytes).ok_or(Errno::EPROTO)
        };
        let rate = |wide: u16, at: usize| match find(wide).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(u64::from_ne_bytes(bytes)),
            None => number(at + RATESPEC - size_of::<u32>()).map(u64::from),
        };
        Ok(Held {
            average: rate(self.rate64, self.rates)?,
            peak: rate(self.peak64, self.rates + RATESPEC)?,
            queue: self.queue.map_or(Ok(0), number)?,
            burst_time: number(self.burst_time)?,
        })
    }
}

fn options_of(message: &TcMessage) -> impl Iterator<Item = &TcOption> {
    let options = message.attributes.iter().filter_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    });
    options.flatten()
}

fn value(attribute: &DefaultNla) -> Vec<u8> {
    let mut bytes = vec![0; attribute.value_len()];
    attribute.emit_value(&mut bytes);
    bytes
}

/// As a trace of the requests that set it.
impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { link, direction, average, peak, burst } = self;
        match direction {
            Direction::Inbound => write!(f, "RTM_NEWQDISC(tbf on {link}: ")?,
            Direction::Outbound => {
                write!(f, "RTM_NEWQDISC(ingress on {link}); RTM_NEWTFILTER(u32, police or drop: ")?;
            }
        }
        write!(f, "{average} B/s, burst {burst} B")?;
        match peak {
            Some(peak) => write!(f, " at {peak} B/s)"),
            None => f.write_str(")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use browndog_xml::domain::Origin;

    fn asked(average: u64, burst: Option<u64>) -> Bandwidth {
        Bandwidth { origin: Origin::Default("a test"), average, peak: None, burst }
    }

    #[test]
    fn a_burst_holds_a_packet_and_no_more_than_the_kernel_counts() {
        let of =
            |asked| Limit::of(&asked, Direction::Outbound, "x").map(|(limit, raised)| (limit.burst, raised));
        assert_eq!(of(asked(1_000_000, None)), Ok((1_024_000, false)));
        assert_eq!(of(asked(1_000_000, Some(1024))), Ok((PACKET, true)));
        assert_eq!(of(asked(1_000, None)), Ok((PACKET, false)));
        assert!(of(asked(1_000, Some(1 << 20))).unwrap_err().contains("1048 s"));
        assert!(of(asked(1 << 40, Some(1 << 33))).unwrap_err().contains("4 GiB"));
    }

    #[test]
    fn what_the_kernel_answers_is_read_whole_also_where_a_rate_has_more_than_32_bits() {
        let limit = Limit {
            link: "x".to_owned(),
            direction: Direction::Inbound,
            average: 1 << 33,
            peak: Some(1 << 34),
            burst: PACKET,
        };
        let mut parameters = limit.ratespecs();
        [7_u32, 8, 9].iter().for_each(|number| parameters.extend(number.to_ne_bytes()));
        let options = [
            DefaultNla::new(TBF.parameters, parameters),
            DefaultNla::new(TBF.rate64, limit.average.to_ne_bytes().to_vec()),
        ];
        let mut bytes = vec![0; options.as_slice().buffer_len()];
        options.as_slice().emit(&mut bytes);
        let held = TBF.read(&bytes).expect("whole");
        assert_eq!((held.average, held.peak, held.queue, held.burst_time), (1 << 33, u32::MAX.into(), 7, 8));
        assert_eq!(TBF.read(&bytes[..20]).unwrap_err(), Errno::EPROTO);
    }
}
