//! Many rounds of each live verb, kills at random moments, and many domains of which some are hostile: every verb
//! answers, nobody else is touched, and nothing is left. Small here; `ci/chaos` runs it in full.
//!
//! `BROWNDOG_ROUNDS` (of each verb), `BROWNDOG_KILLS`, `BROWNDOG_DOMAINS` and `BROWNDOG_HOSTILE` say how much,
//! `BROWNDOG_SEED` which, and `BROWNDOG_RATIO`, in percent, how much slower than without hostile domains the others'
//! verbs may be in the median; without it nothing is judged by time.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::apart::Apart;
use support::life::{Life, PATIENCE};
use support::{BROWNDOG, merged_usr, root, text};

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// xorshift64*: the same for the same seed.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let seed = number("BROWNDOG_SEED", now | 1);
        eprintln!("BROWNDOG_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) as usize % bound
    }
}

/// What a verb said and with which status, within the patience of the tests: one that does not answer is killed, and
/// the test fails. A program of `exec` has no bound of its own, and a hostile container may stop it: `asked_after`, if
/// it is given, the verb is asked to end by SIGTERM.
fn answer(mut child: Child, what: &str, asked_after: Option<Duration>) -> (i32, String) {
    let began = Instant::now();
    let mut asked = false;
    loop {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        if !asked && asked_after.is_some_and(|after| began.elapsed() > after) {
            asked = true;
            let own = child.id().to_string();
            // nsenter(1) has made it as its child, and hands no signal on.
            let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
            let whom = children.split_ascii_whitespace().next().filter(|_| is_nsenter(&own)).unwrap_or(&own);
            // It may have ended by itself meanwhile.
            Command::new("kill").args(["-TERM", whom]).output().unwrap();
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{what} does not answer");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

fn is_nsenter(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "nsenter")
}

/// How long a hostile container's verb has before it is asked to end.
const HELD_UP: Duration = Duration::from_secs(5);

fn spawned(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// How long each verb took (us), and how often it was refused.
#[derive(Default)]
struct Times(BTreeMap<String, (Vec<u128>, usize)>);

impl Times {
    fn time(&mut self, verb: &str, command: Command) -> (i32, String) {
        self.time_of(verb, command, None)
    }

    fn time_of(&mut self, verb: &str, command: Command, asked_after: Option<Duration>) -> (i32, String) {
        let began = Instant::now();
        let (status, said) = answer(spawned(command), verb, asked_after);
        let entry = self.0.entry(verb.to_owned()).or_default();
        entry.0.push(began.elapsed().as_micros());
        entry.1 += usize::from(status != 0);
        (status, said)
    }

    fn merge(&mut self, other: Self) {
        for (verb, (times, refused)) in other.0 {
            let entry = self.0.entry(verb).or_default();
            entry.0.extend(times);
            entry.1 += refused;
        }
    }

    fn median(&self, verb: &str) -> u128 {
        let mut times = self.0.get(verb).map(|(times, _)| times.clone()).unwrap_or_default();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    fn table(&self) -> String {
        let mut table =
            format!("{:<16} {:>7} {:>8} {:>10} {:>10}\n", "verb", "rounds", "refused", "median us", "max us");
        for (verb, (times, refused)) in &self.0 {
            let most = times.iter().max().unwrap();
            table +=
                &format!("{verb:<16} {:>7} {refused:>8} {:>10} {most:>10}\n", times.len(), self.median(verb));
        }
        table
    }
}

/// Processes whose command line has `what` in it, this test's own excepted.
fn processes_with(what: &str) -> Vec<(i32, String)> {
    let own = std::process::id() as i32;
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|&pid| pid != own)
        .filter_map(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(what).then_some((pid, line))
        })
        .collect()
}

fn kill_now(pid: i32) {
    // It may have ended by itself meanwhile.
    Command::new("kill").args(["-KILL", &pid.to_string()]).output().unwrap();
}

fn entries(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Mounts of this test's own namespaces that mention `what`.
fn mounts_with(what: &str) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
}

/// The covers of the kernel's own file systems in a container.
fn covers(life: &Life) -> Vec<String> {
    let table = fs::read_to_string(format!("/proc/{}/mountinfo", life.info()["id"])).unwrap();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let mut points: Vec<String> =
        points.filter(|point| point.starts_with("/proc")).map(str::to_owned).collect();
    points.sort();
    points
}

/// Exchanges two names without an end, by renameat2(2).
fn exchange(life: &Life, one: &str, other: &str) {
    let call =
        format!("my ($a, $b) = (q({one}), q({other})); while (1) {{ syscall(316, -100, $a, -100, $b, 2) }}");
    life.ok(&["exec", "--detach", life.name(), "--", "perl", "-e", &call]);
    let is_link = || life.case.dir.path().join("root").join(&one[1..]).is_symlink();
    let first = is_link();
    life.wait_for("the first exchange", || is_link() != first);
}

#[test]
fn rounds_of_each_verb_beside_an_exchange_gain_and_lose_nothing() {
    if !root() || !merged_usr() || !cfg!(target_arch = "x86_64") || !Path::new("/usr/bin/perl").exists() {
        return eprintln!(
            "skipped: needs root, a merged /usr and perl on x86-64, for renameat2(2) from inside"
        );
    }
    let rounds = number("BROWNDOG_ROUNDS", 12);
    let life = Life::new();
    let file = life.case.on_root("while :; do sleep 1; done", "", "");
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    let before = covers(&life);
    let source = life.case.dir.path().join("source");
    fs::create_dir(&source).unwrap();
    life.ok(&["exec", life.name(), "--", "/bin/sh", "-c", "mkdir -p /srv/sys; ln -s /proc /decoy"]);
    let device = life.case.dir.path().join("device.xml");
    let xml = format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/srv/sys'/></filesystem>",
        source.display()
    );
    fs::write(&device, xml).unwrap();
    let device = device.to_str().unwrap();
    exchange(&life, "/srv", "/decoy");
    let mut times = Times::default();
    let name = life.name();
    for round in 0..rounds {
        // What it enters may be a link to the container's own /proc by then, or change its name afterwards: it is never
        // a directory of the host's.
        let look = ["exec", "--cwd", "/srv", name, "--", "/bin/sh", "-c", "pwd -P; ls -a"];
        let (status, said) = times.time("exec", life.command(&look));
        let inside = ["/srv\n", "/decoy\n", "/proc"].iter().any(|place| said.starts_with(place));
        assert!(status != 0 || inside, "round {round}: {said}");
        let (status, said) = times.time("attach-device", life.command(&["attach-device", name, device]));
        assert!((0..=1).contains(&status), "round {round}: {status} {said}");
        if status == 0 {
            let (status, said) = times.time("detach-device", life.command(&["detach-device", name, device]));
            assert_eq!(status, 0, "round {round}: {said}");
        }
        for (verb, state) in [("suspend", "paused"), ("resume", "running")] {
            let (status, said) = times.time(verb, life.command(&[verb, name]));
            assert_eq!((status, life.state().as_str()), (0, state), "round {round}: {said}");
        }
        let size = if round % 2 == 0 { "40MiB" } else { "64MiB" };
        let (status, said) = times.time("setmem", life.command(&["setmem", name, size]));
        assert_eq!(status, 0, "round {round}: {said}");
        assert_eq!(covers(&life), before, "round {round}");
    }
    life.ok(&["destroy", name]);
    life.assert_gone();
    eprintln!("{}", times.table());
}

#[test]
fn rounds_of_shutdown_of_many_end_all_of_them() {
    if !root() {
        return;
    }
    let rounds = number("BROWNDOG_ROUNDS", 12);
    let each = rounds.clamp(1, 20);
    let life = Life::new();
    let names: Vec<String> = (0..each).map(|index| format!("{}-{index}", life.name())).collect();
    let file = life.case.script("trap 'exit 0' TERM; while :; do sleep 0.1; done");
    let document = fs::read_to_string(&file).unwrap();
    for name in &names {
        fs::write(&file, document.replace(life.name(), name)).unwrap();
        life.ok(&["define", file.to_str().unwrap()]);
    }
    let mut times = Times::default();
    for round in 0..rounds.div_ceil(each) {
        for name in &names {
            let (status, said) = times.time("start", life.command(&["start", name]));
            assert_eq!(status, 0, "round {round}: {said}");
        }
        // One by one in every second round.
        if round % 2 == 0 {
            let (status, said) = times.time("shutdown --all", life.command(&["shutdown", "--all"]));
            assert_eq!(status, 0, "round {round}: {said}");
        } else {
            for name in &names {
                let (status, said) = times.time("shutdown", life.command(&["shutdown", name]));
                assert_eq!(status, 0, "round {round}: {said}");
            }
        }
        life.assert_gone();
    }
    eprintln!("{}", times.table());
}

/// One kill of the process of a verb, of `run`, or of the monitor, at a random moment; what the verb was.
fn kill_one(apart: &Apart, files: [&str; 2], random: &mut Random) -> String {
    let name = apart.name();
    let [file, device] = files;
    // --live: of one whose monitor was killed a moment before, they would change the definition.
    let verbs: [&[&str]; 10] = [
        &["start", name],
        &["destroy", name],
        &["shutdown", name],
        &["suspend", name],
        &["resume", name],
        &["setmem", name, "40MiB", "--live"],
        &["attach-device", name, device, "--live"],
        &["detach-device", name, device, "--live"],
        &["exec", name, "--", "/bin/true"],
        &["run", file],
    ];
    let verb = verbs[random.below(verbs.len())];
    let running = verb[0] != "start" && verb[0] != "run";
    if running {
        apart.ok(&["start", name]);
        if ["resume", "detach-device"].contains(&verb[0]) {
            let first = if verb[0] == "resume" { "suspend" } else { "attach-device" };
            apart.ok(&[&[first], &verb[1..]].concat());
        }
    }
    let mut command = apart.inside(BROWNDOG);
    command.arg("--root").arg(apart.life.root()).args(verb);
    // Executed by nsenter in its own place: its number is the command's.
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_micros(random.below(60_000) as u64));
    if random.below(3) > 0 || verb[0] == "run" {
        kill_now(child.id() as i32);
    } else {
        let root = apart.life.root().to_string_lossy().into_owned();
        let monitors = processes_with(&root);
        let monitors = monitors.iter().filter(|(_, line)| line.starts_with("browndog-monitor"));
        monitors.for_each(|(pid, _)| kill_now(*pid));
    }
    child.wait().unwrap();
    verb[0].to_owned()
}

#[test]
fn kills_at_random_moments_leave_nothing_and_every_verb_answers() {
    let Some(apart) = Apart::new() else { return };
    let kills = number("BROWNDOG_KILLS", 12);
    let mut random = Random::new();
    let name = apart.name();
    let script = "trap 'exit 0' TERM; while :; do sleep 0.05; done";
    let file = apart.life.case.on_root(script, "", "<interface type='ethernet'/>");
    let file = file.to_str().unwrap();
    let device = apart.life.case.dir.path().join("device.xml");
    fs::write(&device, "<interface type='ethernet'><guest dev='eth7'/></interface>").unwrap();
    apart.ok(&["define", file]);
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    let mut links = vec![String::new()];
    for round in 0..kills {
        let verb = kill_one(&apart, [file, device.to_str().unwrap()], &mut random);
        *done.entry(verb.clone()).or_default() += 1;
        let ask = |arguments: &[&str]| {
            let mut command = apart.inside(BROWNDOG);
            command.arg("--root").arg(apart.life.root()).args(arguments);
            answer(spawned(command), arguments[0], None)
        };
        assert_eq!(ask(&["list", "--all"]).0, 0, "round {round} after {verb}");
        // The same or the next: it runs already, or is on its way down.
        let (status, said) = ask(&["start", name]);
        let runs = said.contains("already running") || said.contains("paused") || said.contains("shutdown");
        assert!(status == 0 || runs, "round {round} after {verb}: {said}");
        let (status, said) = ask(&["destroy", name]);
        assert_eq!(status, 0, "round {round} after {verb}: {said}");
        apart.life.assert_gone();
        links = apart.ip("-o link").lines().map(str::to_owned).collect();
        assert_eq!(links.len(), 1, "round {round} after {verb}: {links:?}");
        let left = mounts_with(&apart.life.root().to_string_lossy());
        assert_eq!(left, [""; 0], "round {round} after {verb}");
    }
    apart.life.wait_for("the last process", || {
        let root = apart.life.root().to_string_lossy().into_owned();
        processes_with(&root).is_empty()
    });
    assert_eq!(entries(&apart.life.root().join("run/locks")), [""; 0]);
    eprintln!("{kills} kills, nothing left: {done:?}, links {links:?}");
}

/// Domains of one state and one PID namespace.
struct Place {
    life: Life,
    /// The first process of another PID namespace, and who has made it.
    holder: Option<(i32, Child)>,
    others: Vec<String>,
    hostile: Vec<(String, &'static str)>,
}

impl Place {
    fn new(apart: bool) -> Self {
        let life = Life::new();
        let holder = apart.then(|| {
            let words = ["--pid", "--fork", "--mount-proc", "sh", "-c", "while :; do sleep 1; done"];
            let maker = Command::new("unshare").args(words).stdin(Stdio::null()).spawn().unwrap();
            let children = format!("/proc/{0}/task/{0}/children", maker.id());
            let first = || fs::read_to_string(&children).unwrap_or_default().trim().parse().ok();
            life.wait_for("the namespace", || first().is_some_and(|pid: i32| has_own_proc(pid)));
            (first().unwrap(), maker)
        });
        Self { life, holder, others: Vec::new(), hostile: Vec::new() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let Some((holder, _)) = &self.holder else { return self.life.command(arguments) };
        let mut command = Command::new("nsenter");
        command.args(["--pid", "--mount", "--target", &holder.to_string(), BROWNDOG, "--root"]);
        command.arg(self.life.root()).args(arguments).stdin(Stdio::null());
        command
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn start(&self, name: &str, script: &str, rest: &str) {
        let file = self.life.case.script(&script.replace('&', "&amp;").replace('<', "&lt;"));
        let document = fs::read_to_string(&file).unwrap();
        let document = document.replace(&format!("<name>{}<", self.life.name()), &format!("<name>{name}<"));
        fs::write(&file, document.replace("<os>", &format!("{rest}<os>"))).unwrap();
        self.ok(&["define", file.to_str().unwrap()]);
        self.ok(&["pids", name, "--config", "--limit", "40"]);
        self.ok(&["start", name]);
    }

    fn start_others(&mut self, count: usize) {
        for index in 0..count {
            let name = format!("{}-o{index}", self.life.name());
            self.start(&name, "trap 'exit 0' TERM; while :; do sleep 1; done", "");
            self.others.push(name);
        }
    }

    fn start_hostile(&mut self, count: usize) -> Vec<Child> {
        const QUOTA: &str = "<cputune><period>100000</period><quota>5000</quota></cputune>";
        let mut held = Vec::new();
        for index in 0..count {
            let (kind, script) = HOSTILE[index % HOSTILE.len()];
            let name = format!("{}-h{index}", self.life.name());
            self.start(&name, script, QUOTA);
            if kind == "full pipes" {
                // Who gives this much and reads nothing.
                let words = ["exec", &name, "--", "/bin/sh", "-c", "cat /dev/zero"];
                held.push(spawned(self.command(&words)));
            }
            if kind == "frozen" {
                let groups = self.life.case.cgroups().into_iter();
                let mut own = groups.filter(|group| group.to_string_lossy().contains(&name));
                let freeze = own.find_map(|group| Some(group.join("cgroup.freeze")).filter(|it| it.exists()));
                freeze.into_iter().for_each(|freeze| fs::write(freeze, "1").unwrap());
            }
            self.hostile.push((name, kind));
        }
        held
    }

    /// Each verb on each of the others, in an order of its own.
    fn measure(&self, seed: u64) -> Times {
        let mut times = Times::default();
        let mut random = Random(seed | 1);
        let mut names: Vec<&String> = self.others.iter().collect();
        while !names.is_empty() {
            let name = names.swap_remove(random.below(names.len())).as_str();
            for (verb, rest) in VERBS {
                let words = [&[verb, name], rest].concat();
                let (status, said) = times.time(verb, self.command(&words));
                assert_eq!(status, 0, "{words:?}: {said}");
            }
        }
        times
    }

    /// The same on the hostile ones, and a stop and another start, once and then until `over`: all that counts is that
    /// there is an answer.
    fn provoke(&self, over: &AtomicBool) -> Times {
        let mut times = Times::default();
        for (round, (name, kind)) in self.hostile.iter().cycle().enumerate() {
            let ends: [(&str, &[&str]); 2] =
                [("shutdown", &["--timeout", "1", "--then-destroy"]), ("start", &[])];
            for (verb, rest) in VERBS.into_iter().chain(ends) {
                if round >= self.hostile.len() && over.load(Ordering::Relaxed) {
                    return times;
                }
                let command = self.command(&[&[verb, name], rest].concat());
                let asked = (verb == "exec").then_some(HELD_UP);
                times.time_of(&format!("{kind}: {verb}"), command, asked);
            }
        }
        times
    }

    /// The number of each init, by name.
    fn inits(&self) -> BTreeMap<String, String> {
        let list: serde_json::Value =
            serde_json::from_str(&self.ok(&["list", "--all", "--format", "json"])).unwrap();
        let list = list.as_array().or_else(|| list["domains"].as_array()).unwrap().clone();
        let others = list.iter().map(|it| (it["name"].as_str().unwrap().to_owned(), it["id"].to_string()));
        others.filter(|(name, _)| self.others.contains(name)).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for name in self.others.iter().chain(self.hostile.iter().map(|(name, _)| name)) {
            self.command(&["destroy", name]).output().ok();
        }
        if let Some((holder, maker)) = &mut self.holder {
            kill_now(*holder);
            maker.wait().ok();
        }
    }
}

/// Whether a new process sees the processes of its own namespace alone: it is the first of them.
fn has_own_proc(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/root/proc/1/stat")).is_ok()
        && fs::read_link(format!("/proc/{pid}/ns/pid")).ok() != fs::read_link("/proc/self/ns/pid").ok()
        && fs::read_to_string(format!("/proc/{pid}/mounts"))
            .is_ok_and(|table| table.lines().filter(|line| line.starts_with("proc /proc ")).count() > 1)
}

/// What is asked of a domain, and what behind its name.
const VERBS: [(&str, &[&str]); 5] = [
    ("exec", &["--", "/bin/true"]),
    ("suspend", &[]),
    ("resume", &[]),
    ("setmem", &["48MiB"]),
    ("state", &[]),
];

/// What hostile domains do, under a limit of processes and a twentieth of a processor each.
const HOSTILE: [(&str, &str); 6] = [
    (
        "forks",
        "exec perl -e '$SIG{CHLD} = q(IGNORE); while (1) { my $p = fork; if (defined $p && !$p) { sleep 1; exit } }'",
    ),
    (
        "stops",
        "exec perl -e 'while (1) { kill STOP, grep { $_ > 1 } map { /([0-9]+)/ } glob q(/proc/[0-9]*) }'",
    ),
    ("frozen", "while :; do sleep 1; done"),
    ("full pipes", "while :; do sleep 1; done"),
    ("deaf", "trap '' TERM; while :; do sleep 1; done"),
    ("floods", "exec yes flood flood flood flood flood flood"),
];

/// Measures the others of both places at once, beside as many who use the processor.
fn measured(places: &[Place; 2], seed: u64) -> Times {
    let mut all = Times::default();
    let mut load: Vec<Child> = (0..places.len())
        .map(|_| Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().unwrap())
        .collect();
    let result = std::thread::scope(|scope| {
        let workers = places.iter().map(|place| scope.spawn(move || place.measure(seed)));
        let workers: Vec<_> = workers.collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for child in &mut load {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    result.into_iter().for_each(|times| all.merge(times.expect("every verb answers")));
    all
}

#[test]
fn hostile_domains_hold_up_nobody_and_kill_nobody() {
    if !root() || !Path::new("/usr/bin/perl").exists() {
        return eprintln!("skipped: needs root and perl");
    }
    let domains = number("BROWNDOG_DOMAINS", 14) as usize;
    let hostile = (number("BROWNDOG_HOSTILE", 6) as usize).min(domains);
    let seed = Random::new().0;
    let mut places = [Place::new(false), Place::new(true)];
    for place in &mut places {
        place.start_others((domains - hostile) / 2);
    }
    let before: Vec<_> = places.iter().map(Place::inits).collect();
    let quiet = measured(&places, seed);
    let mut held = Vec::new();
    for place in &mut places {
        held.extend(place.start_hostile(hostile / 2));
    }
    let over = AtomicBool::new(false);
    let (beside, provoked) = std::thread::scope(|scope| {
        let provoking: Vec<_> = places.iter().map(|place| scope.spawn(|| place.provoke(&over))).collect();
        let beside = measured(&places, seed);
        over.store(true, Ordering::Relaxed);
        let provoked = provoking.into_iter().map(|it| it.join().expect("every verb answers"));
        (
            beside,
            provoked
                .reduce(|mut all, other| {
                    all.merge(other);
                    all
                })
                .unwrap(),
        )
    });
    assert_eq!(places.iter().map(Place::inits).collect::<Vec<_>>(), before, "an init of others has ended");
    for child in &mut held {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for place in &places {
        let all = ["shutdown", "--all", "--timeout", "20", "--then-destroy"];
        let (status, said) = answer(spawned(place.command(&all)), "shutdown --all", None);
        assert_eq!(status, 0, "{said}");
        assert_eq!(place.life.case.cgroups(), Vec::<PathBuf>::new());
        let root = place.life.root().to_string_lossy().into_owned();
        place.life.wait_for("the last process", || processes_with(&root).is_empty());
        assert_eq!(mounts_with(&root), [""; 0]);
        assert_eq!(entries(&place.life.root().join("run/locks")), [""; 0]);
    }
    eprintln!("others, without hostile domains:\n{}", quiet.table());
    eprintln!("others, beside {hostile} hostile ones of {domains}:\n{}", beside.table());
    eprintln!("the hostile ones themselves:\n{}", provoked.table());
    for (verb, _) in VERBS {
        let ratio = beside.median(verb) * 100 / quiet.median(verb).max(1);
        eprintln!("median of {verb} beside hostile domains: {ratio} %");
        let most = number("BROWNDOG_RATIO", u64::MAX);
        assert!(ratio <= u128::from(most), "{verb}: {ratio} %, at most {most} %");
    }
}
