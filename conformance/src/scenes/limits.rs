//! Scenes about limits, other containers, and time.

use std::time::{Duration, Instant};

use super::life::obeying;
use crate::facts::Facts;
use crate::snapshot::Snapshot;
use crate::spec::Spec;
use crate::stage::{PATIENCE, SceneError, Stage};

pub(super) fn limits(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, name) = stage.place("limits")?;
    let mut argv = stage.probe_argv("cpus,spin,forks,hog", true);
    for pair in ["fork_most=80", "hog_mib=160", "shm_mib=120"] {
        argv.extend(["--param".to_owned(), pair.to_owned()]);
    }
    let mut spec = Spec::plain(&name, place.join("root"), argv);
    let (memory, cpuset) = (crate::host::has_controller("memory"), crate::host::has_controller("cpuset"));
    spec.memory = memory.then_some(96 << 20);
    spec.pids = Some(24);
    spec.shares = Some(2048);
    spec.quota = Some((20_000, 100_000));
    spec.cpuset = cpuset.then(|| "0".into());
    let mut facts = stage.observe(&spec, &place)?;
    // What was not asked for is told as missing, which only a kernel that may lack it is believed.
    if !memory {
        for name in ["limit.hog_signal", "host.cgroup.memory.limit_in_bytes"] {
            facts.unsupported(name, "cgroup v1 memory");
        }
    }
    if !cpuset {
        facts.unsupported("limit.cpus", "cgroup v1 cpuset");
    }
    Ok(facts)
}

/// What the extension vocabulary and OCI can say beyond libvirt: limits of the process, sysctls, clocks.
pub(super) fn declared(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, name) = stage.place("declared")?;
    let mut spec = Spec::plain(&name, place.join("root"), stage.probe_argv("ctx,sysctl,uts", true));
    spec.rlimits.push(("nofile".into(), 333, 444));
    spec.rlimits.push(("nproc".into(), 555, 666));
    spec.sysctls.push(("net.ipv4.ip_forward".into(), "1".into()));
    spec.sysctls.push(("kernel.msgmax".into(), "4321".into()));
    spec.hostname = Some("declared-host".into());
    spec.directory = Some("/var/tmp".into());
    let outside =
        |key: &str| std::fs::read_to_string(format!("/proc/sys/{key}")).unwrap_or_default().trim().to_owned();
    let before = (outside("net/ipv4/ip_forward"), outside("kernel/msgmax"));
    let mut facts = stage.observe(&spec, &place)?;
    facts.set("host.sysctls_unchanged", before == (outside("net/ipv4/ip_forward"), outside("kernel/msgmax")));
    Ok(facts)
}

/// Clocks shifted in a namespace of their own.
pub(super) fn shifted(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, name) = stage.place("shifted")?;
    let mut spec = Spec::plain(&name, place.join("root"), stage.probe_argv("time", true));
    spec.time = Some((100_000, 200_000));
    let now = |id| nix::time::clock_gettime(id).map_or(0, |t| t.tv_sec());
    let mut facts = stage.observe(&spec, &place)?;
    facts.set("host.monotonic_s", now(nix::time::ClockId::CLOCK_MONOTONIC));
    facts.set("host.boottime_s", now(nix::time::ClockId::CLOCK_BOOTTIME));
    Ok(facts)
}

/// One container holds objects, another looks for them.
pub(super) fn peers(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let before = Snapshot::take();
    let token = stage.canary.token.clone();
    let name = format!("browndog-peer-{}", &token[..12]);
    let (place, spec) = obeying(stage, "holder", &["hold", &name])?;
    let mut holder = stage.start(&spec, &place)?;
    let held = holder.line("HOLDING ", PATIENCE)?;
    let (other_place, other_name) = stage.place("observer")?;
    let mut argv = stage.probe_argv("pid,ipc,net", true);
    argv.extend(["--param".into(), format!("abstract_name={name}")]);
    let other = Spec::plain(&other_name, other_place.join("root"), argv);
    let mut observer = stage.start(&other, &other_place)?;
    let mut facts = observer.facts(PATIENCE)?;
    facts.set("peer.held", held.split(' ').map(str::to_owned).collect::<Vec<_>>());
    if let (Some(a), Some(b)) = (holder.init(), observer.init()) {
        for kind in ["pid", "mnt", "ipc", "uts", "net", "cgroup"] {
            let of = |pid: u32| crate::host::namespace(&pid.to_string(), kind).unwrap_or_default();
            facts.set(format!("peer.ns.{kind}.holder"), of(a));
            facts.set(format!("peer.ns.{kind}.observer"), of(b));
        }
    }
    observer.release();
    let _ended = observer.finish(PATIENCE)?;
    holder.release();
    let ended = holder.finish(PATIENCE)?;
    facts.set("peer.holder_exit", ended.status.code().unwrap_or(-1));
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// Ten containers at once, each with a token of its own.
pub(super) fn parallel(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let before = Snapshot::take();
    let mut facts = Facts::default();
    let mut running = Vec::new();
    for number in 0..10 {
        let word = format!("token-{number}");
        let (place, spec) = obeying(stage, "parallel", &["say", &word, &(10 + number).to_string()])?;
        running.push((number, word, stage.start(&spec, &place)?));
    }
    let mut wrong = Vec::new();
    let mut spoke = false;
    for (number, word, container) in running {
        let finished = container.finish(PATIENCE)?;
        spoke |= finished.stdout.trim() == word;
        if finished.status.code() != Some(10 + number) || finished.stdout.trim() != word {
            wrong.push(format!(
                "{word}: {}, {:?} {}",
                finished.status,
                finished.stdout,
                finished.stderr.trim()
            ));
        }
    }
    facts.set("race.parallel_ran", spoke);
    facts.set("race.parallel_wrong", wrong);
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// Start to exit, beside the same program without a container, in turns.
pub(super) fn latency(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    // Instructions are dear in a guest that is translated.
    let rounds = if std::path::Path::new(crate::vm::job::LAB_MARK).exists() { 15 } else { 50 };
    let (mut ours, mut first, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (place, spec) = obeying(stage, "latency", &["clock"])?;
        let begun = Instant::now();
        let monotonic =
            nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).map_or(0.0, milliseconds);
        let finished = stage.start(&spec, &place)?.finish_closely(PATIENCE)?;
        ours.push(begun.elapsed().as_secs_f64() * 1e3);
        if let Ok(stamp) = finished.stdout.trim().parse::<f64>() {
            first.push(stamp - monotonic);
        }
        let begun = Instant::now();
        let call = crate::runtimes::Call::new([
            stage.binary.clone().into_os_string(),
            "probe".into(),
            "clock".into(),
        ]);
        let _bare = stage.spawn(&call, "--dirty")?.finish_closely(Duration::from_secs(20))?;
        floor.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let mut facts = Facts::default();
    facts.set("lat.ran", first.len() == rounds);
    for (name, values) in
        [("start_to_exit", &mut ours), ("first_instruction", &mut first), ("floor", &mut floor)]
    {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            values.get(((values.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(0.0)
        };
        let round = |v: f64| (v * 1000.0).round() / 1000.0;
        facts.set(format!("lat.{name}.p50_ms"), round(at(0.5)));
        facts.set(format!("lat.{name}.p99_ms"), round(at(0.99)));
    }
    let (ours, floor) = (facts.get("lat.start_to_exit.p50_ms"), facts.get("lat.floor.p50_ms"));
    let ratio = ours.and_then(serde_json::Value::as_f64).unwrap_or(0.0)
        / floor.and_then(serde_json::Value::as_f64).unwrap_or(1.0);
    facts.set("lat.ratio_to_floor", (ratio * 100.0).round() / 100.0);
    facts.set("lat.rounds", rounds);
    Ok(facts)
}

fn milliseconds(time: nix::sys::time::TimeSpec) -> f64 {
    time.tv_sec() as f64 * 1e3 + time.tv_nsec() as f64 / 1e6
}
