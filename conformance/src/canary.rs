//! Canaries: a random token planted wherever nothing of the host may leak from.

use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;

use crate::facts::Facts;
use crate::probe::ipc::KEY;
use crate::sys::{Arg, attempt};

/// Namespaces without which the probe's attempts would be made on the machine itself.
pub const GUARDED: [&str; 5] = ["pid", "mnt", "net", "uts", "ipc"];

/// A socket of the host that answers, in guests.
const SOCKET: &str = "/dev/browndog-canary.sock";

/// Everything that was planted; dropping it takes it away.
#[derive(Debug)]
pub struct Canary {
    process: Child,
    /// 32 random characters.
    pub token: String,
    /// What the probe is told: where to look.
    pub params: Vec<(String, String)>,
    contacts: Arc<AtomicU32>,
    directory: PathBuf,
    queue: Option<i64>,
    user_key: Option<i32>,
    /// A terminal of the host, which no container may be shown.
    _terminal: Option<nix::pty::OpenptyResult>,
}

impl Canary {
    /// Plants everything; files go below `directory`.
    pub fn plant(binary: &Path, directory: &Path) -> io::Result<Self> {
        let mut bytes = [0_u8; 16];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let token: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let process = Command::new(binary)
            .args(["probe", "canary", &token])
            .env("BROWNDOG_CANARY", &token)
            // It holds the other end as long as the harness lives, however that ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut canary = Self {
            process,
            token,
            params: Vec::new(),
            contacts: Arc::new(AtomicU32::new(0)),
            directory: directory.to_owned(),
            queue: None,
            user_key: None,
            _terminal: nix::pty::openpty(None, None).ok(),
        };
        let guest = Path::new(crate::vm::job::LAB_MARK).exists();
        if guest {
            canary.ways()?;
        }
        canary.param("canary_pid", canary.pid());
        canary.param("token", canary.token.clone());
        for kind in GUARDED {
            canary.param(&format!("host_{kind}"), crate::host::namespace("self", kind).unwrap_or_default());
        }
        canary.listen()?;
        canary.files()?;
        canary.objects();
        if guest {
            canary.param("lab", 1);
        }
        Ok(canary)
    }

    fn param(&mut self, name: &str, value: impl std::fmt::Display) {
        self.params.push((name.to_owned(), value.to_string()));
    }

    /// Process id of the canary process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What the canaries noticed.
    pub fn noticed(&mut self, facts: &mut Facts) {
        facts.set("canary.contacts", self.contacts.load(Ordering::Relaxed));
        facts.set("canary.process_alive", matches!(self.process.try_wait(), Ok(None)));
        let intact = fs::read_to_string(self.directory.join("token")).is_ok_and(|t| t == self.token);
        facts.set("canary.file_intact", intact);
    }

    /// Listeners that count whoever comes.
    fn listen(&mut self) -> io::Result<()> {
        let name = format!("browndog-{}", &self.token[..12]);
        let stream = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        let datagram = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(format!("{name}-dgram"))?)?;
        let tcp = TcpListener::bind("0.0.0.0:0")?;
        self.param("tcp_port", tcp.local_addr()?.port());
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        self.param("udp_port", udp.local_addr()?.port());
        if let Ok(tcp6) = TcpListener::bind("[::1]:0") {
            self.param("tcp6_port", tcp6.local_addr()?.port());
            self.count(move || tcp6.accept().is_ok());
        }
        self.param("abstract_name", &name);
        self.param("host_addresses", host_addresses().join(","));
        self.count(move || stream.accept().is_ok());
        self.count(move || datagram.recv(&mut [0; 16]).is_ok());
        self.count(move || tcp.accept().is_ok());
        self.count(move || udp.recv_from(&mut [0; 16]).is_ok());
        Ok(())
    }

    /// What a machine with a network has and a guest has not: addresses, one of them the metadata service's and one
    /// outside, and a socket in /dev that answers.
    fn ways(&self) -> io::Result<()> {
        const SIOCSIFADDR: i32 = 0x8916;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        for (number, address) in [[198, 51, 100, 7], [192, 0, 2, 1], [169, 254, 169, 254]].iter().enumerate()
        {
            // struct ifreq: 16 bytes of name, then struct sockaddr_in.
            let mut request = [0_u8; 40];
            request[..4].copy_from_slice(b"lo:0");
            request[3] += u8::try_from(number).unwrap_or(0);
            request[16..18].copy_from_slice(&2_u16.to_ne_bytes());
            request[20..24].copy_from_slice(address);
            let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
            let _zero =
                attempt(libc::SYS_ioctl, &mut [Arg::Int(fd), Arg::Int(SIOCSIFADDR), Arg::In(&request)])?;
        }
        // One of an earlier run in the same guest goes.
        let _gone = fs::remove_file(SOCKET).is_ok();
        let listener = UnixListener::bind(SOCKET)?;
        // The control outside shows that it answers, and is nobody's contact.
        let own = nix::unistd::getpid().as_raw();
        let is_own = move |stream: &UnixStream| {
            getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.pid() == own)
        };
        self.count(move || {
            loop {
                match listener.accept() {
                    Ok((stream, _)) if is_own(&stream) => {}
                    accepted => return accepted.is_ok(),
                }
            }
        });
        Ok(())
    }

    fn count(&self, mut next: impl FnMut() -> bool + Send + 'static) {
        let contacts = Arc::clone(&self.contacts);
        let _detached = std::thread::spawn(move || {
            while next() {
                let _before = contacts.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    fn files(&mut self) -> io::Result<()> {
        fs::write(self.directory.join("token"), &self.token)?;
        self.param("host_path", self.directory.join("token").display());
        if Path::new("/dev/shm").is_dir() {
            fs::write("/dev/shm/browndog-canary", &self.token)?;
        }
        // Readable by a group of the dirty launcher and by nobody else.
        let group = self.directory.join("group-file");
        fs::write(&group, &self.token)?;
        std::os::unix::fs::chown(&group, Some(4242), Some(4242))?;
        fs::set_permissions(&group, std::os::unix::fs::PermissionsExt::from_mode(0o070))
    }

    /// System V objects, a message queue and two keys. A kernel that refuses one leaves its facts out,
    /// and the check that wants them becomes an error.
    fn objects(&mut self) {
        let create = libc::IPC_CREAT | 0o666;
        let shm = attempt(libc::SYS_shmget, &mut [Arg::Int(KEY), Arg::Int(4096), Arg::Int(create)]);
        let msg = attempt(libc::SYS_msgget, &mut [Arg::Int(KEY), Arg::Int(create)]);
        let sem = attempt(libc::SYS_semget, &mut [Arg::Int(KEY), Arg::Int(1), Arg::Int(create)]);
        for (name, made) in [("shm_id", shm), ("msg_id", msg), ("sem_id", sem)] {
            if let Ok(id) = made {
                self.param(name, id);
            }
        }
        let queue = attempt(
            libc::SYS_mq_open,
            &mut [
                Arg::In(b"browndog-canary\0"),
                Arg::Int(libc::O_CREAT | libc::O_RDWR | libc::O_CLOEXEC),
                Arg::Int(0o666),
                Arg::Null,
            ],
        );
        self.queue = queue.ok();
        // KEYCTL_JOIN_SESSION_KEYRING 1: a session of our own, so that nothing is left in the caller's.
        let _joined = attempt(libc::SYS_keyctl, &mut [Arg::Int(1), Arg::Null]).is_ok();
        // -3 is the session keyring, -4 the user's, which a container of the same user shares.
        if let Ok(serial) = self.key(-3) {
            self.param("key_serial", serial);
        }
        self.user_key = self.key(-4).ok();
    }

    /// Adds the canary's key to a keyring. Every process that can see the key may read it: only the keyring protects it.
    fn key(&self, keyring: i32) -> Result<i32, nix::errno::Errno> {
        let length = i32::try_from(self.token.len()).unwrap_or(0);
        let name = [Arg::In(b"user\0"), Arg::In(b"browndog-canary\0")];
        let rest = [Arg::In(self.token.as_bytes()), Arg::Int(length), Arg::Int(keyring)];
        let mut words: Vec<Arg<'_>> = name.into_iter().chain(rest).collect();
        let serial = i32::try_from(attempt(libc::SYS_add_key, &mut words)?).unwrap_or(0);
        // KEYCTL_SETPERM 5.
        let _open =
            attempt(libc::SYS_keyctl, &mut [Arg::Int(5), Arg::Int(serial), Arg::Int(0x3f3f_3f3f)]).is_ok();
        Ok(serial)
    }
}

/// Addresses of the machine other than loopback.
pub(crate) fn host_addresses() -> Vec<String> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let v4 = all.filter_map(|a| Some(a.address?.as_sockaddr_in()?.ip()));
    v4.filter(|ip| !ip.is_loopback()).map(|ip| ip.to_string()).take(3).collect()
}

impl Drop for Canary {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("browndog conformance: the canary process cannot be ended: {error}");
        }
        let number =
            |name: &str| self.params.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.parse::<i32>().ok());
        let removed = [
            number("shm_id").map(|id| {
                attempt(libc::SYS_shmctl, &mut [Arg::Int(id), Arg::Int(libc::IPC_RMID), Arg::Null])
            }),
            number("msg_id").map(|id| {
                attempt(libc::SYS_msgctl, &mut [Arg::Int(id), Arg::Int(libc::IPC_RMID), Arg::Null])
            }),
            number("sem_id").map(|id| {
                attempt(libc::SYS_semctl, &mut [Arg::Int(id), Arg::Int(0), Arg::Int(libc::IPC_RMID)])
            }),
            // One that stays open counts against what its user may have of them (RLIMIT_MSGQUEUE), containers included.
            self.queue
                .and_then(|fd| i32::try_from(fd).ok())
                .map(|fd| attempt(libc::SYS_close, &mut [Arg::Int(fd)])),
            // KEYCTL_UNLINK 9.
            self.user_key
                .map(|key| attempt(libc::SYS_keyctl, &mut [Arg::Int(9), Arg::Int(key), Arg::Int(-4)])),
            Some(attempt(libc::SYS_mq_unlink, &mut [Arg::In(b"browndog-canary\0")])),
        ];
        for errno in removed.into_iter().flatten().filter_map(Result::err) {
            if errno != nix::errno::Errno::ENOENT {
                eprintln!("browndog conformance: a canary cannot be taken away: {errno}");
            }
        }
        for path in ["/dev/shm/browndog-canary", SOCKET] {
            let _gone = fs::remove_file(path).is_ok();
        }
    }
}
