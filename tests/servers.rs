//! Real servers of a Debian tree, with a bridge, a memory limit, and once with an id map: talked to from outside,
//! loaded, stopped in every way that there is, started again, and what they hold compared.
//! The tree is made by `ci/services`; without it this is skipped.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use rstest::rstest;
use support::apart::Apart;
use support::life::kill;
use support::{BROWNDOG, text};

const ADDRESS: &str = "10.77.0.2";

/// A server, below a shell that asks nobody to end, as its users write it.
#[derive(Clone, Copy, Debug)]
enum Server {
    Redis,
    Postgres,
    Nginx,
}

/// The tree and how long to load (s), where `ci/services` says so: it takes minutes.
fn tree() -> Option<(PathBuf, u64)> {
    let tree = std::env::var_os("BROWNDOG_SERVICES").map(|place| PathBuf::from(place).join("tree"));
    let Some(tree) = tree.filter(|tree| tree.join("usr/bin/redis-server").exists()) else {
        eprintln!("skipped: ci/services makes the tree, as root, and runs this");
        return None;
    };
    let seconds = std::env::var("BROWNDOG_LOAD").ok().and_then(|seconds| seconds.parse().ok());
    Some((tree, seconds.unwrap_or(2)))
}

struct Case {
    apart: Apart,
    server: Server,
    tree: PathBuf,
    file: String,
}

impl Case {
    fn new(server: Server, tree: PathBuf, idmap: bool) -> Option<Self> {
        let apart = Apart::new()?;
        apart.ip("link add br0 type bridge");
        apart.ip("addr add 10.77.0.1/24 dev br0");
        apart.ip("link set br0 up");
        let data = apart.life.case.dir.path().join("data");
        fs::create_dir(&data).unwrap();
        let mut case = Self { apart, server, tree, file: String::new() };
        fs::write(data.join("serve"), case.script()).unwrap();
        let map = "<idmap><uid start='0' target='700000' count='65536'/><gid start='0' target='700000' count='65536'/></idmap>";
        let text = format!(
            "<domain type='lxc'><name>{}</name><memory unit='MiB'>384</memory>{}\
             <os><type>exe</type><init>/bin/sh</init><initarg>/srv/serve</initarg></os><features><privnet/></features>\
             <devices><filesystem type='mount'><source dir='{}'/><target dir='/'/><readonly/></filesystem>\
             <filesystem type='mount'><source dir='{}'/><target dir='/srv'/></filesystem>\
             <filesystem type='ram'><source usage='16' units='MiB'/><target dir='/tmp'/></filesystem>\
             <filesystem type='ram'><source usage='16' units='MiB'/><target dir='/run'/></filesystem>\
             <interface type='bridge'><source bridge='br0'/><ip address='{ADDRESS}' prefix='24'/></interface>\
             <console type='pty'/></devices></domain>",
            case.apart.name(),
            if idmap { map } else { "" },
            case.tree.display(),
            data.display()
        );
        case.file = case.apart.life.case.file(&text).to_str().unwrap().to_owned();
        Some(case)
    }

    /// Where PostgreSQL has its programs.
    fn postgres(&self) -> String {
        let versions = fs::read_dir(self.tree.join("usr/lib/postgresql")).unwrap();
        let version = versions.flatten().next().unwrap().file_name();
        format!("/usr/lib/postgresql/{}/bin", version.to_str().unwrap())
    }

    fn script(&self) -> String {
        match self.server {
            Server::Redis => {
                "redis-server --bind 0.0.0.0 --protected-mode no --dir /srv --save '3600 1' --appendonly no\n\
                 echo it has ended\n"
                    .to_owned()
            }
            Server::Postgres => {
                let bin = self.postgres();
                let user = "setpriv --reuid=postgres --regid=postgres --init-groups";
                format!(
                    "umask 077; [ -s /srv/db/PG_VERSION ] || {{ install -d -o postgres -g postgres /srv/db\n\
                     {user} {bin}/initdb -D /srv/db -A trust\necho 'host all all 10.77.0.0/24 trust' >> /srv/db/pg_hba.conf; }}\n\
                     {user} {bin}/postgres -D /srv/db -h '*' -k /tmp -c shared_buffers=32MB\necho it has ended\n"
                )
            }
            Server::Nginx => {
                let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let paths: String = paths.iter().map(|of| format!("{of}_temp_path /srv/{of};")).collect();
                format!(
                    "install -d -o www-data -g www-data /srv/www\n\
                     echo 'user www-data; worker_processes 2; pid /run/nginx.pid; events {{}} http {{ access_log off; dav_access user:rw group:r all:r; {paths} \
                     server {{ listen 80; root /srv/www; dav_methods PUT; }} }}' > /srv/nginx.conf\n\
                     nginx -c /srv/nginx.conf -e stderr -g 'daemon off;'\necho it has ended\n"
                )
            }
        }
    }

    /// A program of the tree, outside the container, beside its bridge.
    fn client(&self, program: &str, words: &[&str]) -> Command {
        let mut command = self.apart.inside("chroot");
        command.arg(&self.tree).arg(program).args(words);
        command
    }

    fn said(&self, program: &str, words: &[&str]) -> String {
        let output = self.client(program, words).output().unwrap();
        text(&output.stdout).trim().to_owned() + text(&output.stderr).trim()
    }

    fn psql(&self, query: &str) -> String {
        let program = format!("{}/psql", self.postgres());
        self.said(&program, &["-h", ADDRESS, "-U", "postgres", "-At", "-c", query])
    }

    /// Answers.
    fn serves(&self) -> bool {
        match self.server {
            Server::Redis => self.said("redis-cli", &["-h", ADDRESS, "ping"]) == "PONG",
            Server::Postgres => self.psql("select 1") == "1",
            Server::Nginx => self.http("GET", "/", "").is_some(),
        }
    }

    /// A request of HTTP, and what came back. On a thread of its own, which is in the network of the bridge.
    fn http(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let net = fs::File::open(format!("/proc/{}/ns/net", self.apart.holder.id())).unwrap();
        let asked = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let ask = move || {
            setns(&net, CloneFlags::CLONE_NEWNET).unwrap();
            let mut stream = TcpStream::connect((ADDRESS, 80)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
            stream.write_all(asked.as_bytes()).ok()?;
            let mut said = String::new();
            stream.read_to_string(&mut said).ok()?;
            said.starts_with("HTTP/1.1").then_some(said)
        };
        std::thread::spawn(ask).join().unwrap()
    }

    fn runs(&self, program: &str, words: &[&str]) {
        let output = self.client(program, words).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{program}: {}{}", text(&output.stdout), text(&output.stderr));
    }

    /// Reads and writes for so long (s).
    fn load(&self, round: u32, seconds: u64) {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut turn = 0;
        loop {
            match self.server {
                Server::Redis => {
                    let words =
                        ["-h", ADDRESS, "-t", "set,get,incr", "-n", "20000", "-r", "5000", "-d", "200", "-q"];
                    self.runs("redis-benchmark", &words);
                }
                Server::Postgres => {
                    let program = format!("{}/pgbench", self.postgres());
                    if round == 1 && turn == 0 {
                        self.runs(
                            &program,
                            &["-i", "-q", "-s", "2", "-h", ADDRESS, "-U", "postgres", "postgres"],
                        );
                    }
                    let time = seconds.clamp(1, 10).to_string();
                    self.runs(
                        &program,
                        &["-c", "4", "-T", &time, "-h", ADDRESS, "-U", "postgres", "postgres"],
                    );
                }
                Server::Nginx => {
                    for file in 0..20 {
                        let body = format!("{round} {turn} {file} ").repeat(500);
                        let path = format!("/{round}-{file}");
                        let made = self.http("PUT", &path, &body).unwrap();
                        assert!(
                            made.starts_with("HTTP/1.1 20"),
                            "{made}{}",
                            self.apart.run(&["logs", self.apart.name()]).1
                        );
                        assert!(self.http("GET", &path, "").unwrap().ends_with(&body));
                    }
                }
            }
            turn += 1;
            if Instant::now() >= until {
                break;
            }
        }
    }

    /// All that it holds, in short.
    fn holds(&self) -> String {
        match self.server {
            Server::Redis => {
                let script = "local all, digest = redis.call('keys', '*'), ''; table.sort(all) \
                              for _, key in ipairs(all) do digest = redis.sha1hex(digest .. key .. redis.call('get', key)) end \
                              return #all .. ' ' .. digest";
                self.said("redis-cli", &["-h", ADDRESS, "eval", script, "0"])
            }
            Server::Postgres => self.psql(
                "select (select count(*) from pgbench_history), sum(abalance), count(*), \
                 md5(string_agg(aid || ':' || abalance, ',' order by aid)) from pgbench_accounts",
            ),
            Server::Nginx => {
                let all = (1..5).flat_map(|round| (0..20).map(move |file| format!("/{round}-{file}")));
                let body = |path: String| {
                    let said = self.http("GET", &path, "").unwrap();
                    said.split_once("\r\n\r\n").unwrap().1.to_owned()
                };
                all.map(body).collect()
            }
        }
    }

    fn wait_until_it_serves(&self, said: &dyn Fn() -> String) {
        let deadline = Instant::now() + support::life::PATIENCE;
        while !self.serves() {
            assert!(Instant::now() < deadline, "it never served: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The line of the unit, as its service manager runs it.
    fn unit(&self, key: &str) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/runtime/life/units/browndog.service");
        let unit = fs::read_to_string(path).unwrap();
        let line = unit.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let own = format!("{BROWNDOG} --root {}", self.apart.life.root().display());
        let line = line.replace("/usr/local/bin/browndog", &own);
        let output = self.apart.inside("sh").args(["-c", &line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}{}", text(&output.stdout), text(&output.stderr));
    }

    /// What it said of its end is that of a stop, not of a crash.
    fn assert_clean(&self, logs: &str) {
        for bad in ["was not properly shut down", "was interrupted", "PANIC", "Bad file format"] {
            assert!(!logs.contains(bad), "{bad}: {logs}");
        }
    }

    fn in_the_foreground(&self) -> Child {
        let mut command = self.apart.inside(BROWNDOG);
        let out = fs::File::create(self.apart.life.case.dir.path().join("said")).unwrap();
        command.arg("--root").arg(self.apart.life.root()).arg("run").arg(&self.file);
        command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap()
    }
}

#[rstest]
#[case::redis(Server::Redis)]
#[case::postgresql(Server::Postgres)]
#[case::nginx(Server::Nginx)]
fn a_server_keeps_what_it_holds_however_it_is_stopped(
    #[case] server: Server,
    #[values(false, true)] idmap: bool,
) {
    let Some((tree, seconds)) = tree() else { return };
    let Some(case) = Case::new(server, tree, idmap) else { return };
    let name = case.apart.name();
    let logs = || case.apart.run(&["logs", name]).1;
    case.apart.ok(&["define", &case.file]);
    case.apart.ok(&["autostart", name]);

    case.unit("ExecStart=");
    case.wait_until_it_serves(&logs);
    case.load(1, seconds);
    for round in 2..5 {
        case.load(round, 1);
    }
    let held = case.holds();
    assert!(held.len() > 10, "{held}");
    case.unit("ExecStop=");
    assert_eq!(case.apart.life.state(), "shut off");
    assert!(logs().contains("it has ended"), "{}", logs());

    case.apart.ok(&["start", name]);
    case.wait_until_it_serves(&logs);
    assert_eq!(case.holds(), held, "after the unit's stop");
    case.load(2, 1);
    let held = case.holds();
    case.apart.ok(&["shutdown", "--timeout", "60", name]);
    case.assert_clean(&logs());

    let mut run = case.in_the_foreground();
    let said = || fs::read_to_string(case.apart.life.case.dir.path().join("said")).unwrap();
    case.wait_until_it_serves(&said);
    assert_eq!(case.holds(), held, "after shutdown");
    case.load(3, 1);
    let held = case.holds();
    kill(run.id() as i32, "-TERM");
    let status = run.wait().unwrap();
    assert!(said().contains("it has ended"), "{status:?}: {}", said());
    case.assert_clean(&said());

    case.apart.ok(&["start", name]);
    case.wait_until_it_serves(&logs);
    assert_eq!(case.holds(), held, "after SIGTERM to run");
    case.apart.ok(&["shutdown", "--timeout", "60", "--then-destroy", name]);
    case.assert_clean(&logs());
    assert_eq!(case.apart.life.info()["oom_kills"], 0);
    case.apart.life.assert_gone();
}
