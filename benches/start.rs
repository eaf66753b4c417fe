//! A start part by part, in this process: the document, the plan, the container.
//!
//! `cargo bench --bench start`. Shapes are those of `domains` and, where it is beside the checkout or
//! `BROWNDOG_CORPUS` names it, of the shared corpus: what people wrote, and what is wrong with it.

use std::path::{Path, PathBuf};

use browndog_runtime::exec::Options;
use browndog_runtime::host::Host;
use browndog_runtime::launch::{prepare, request};
use browndog_runtime::plan::{Plan, Request, plan};
use browndog_runtime::survey::Survey;
use browndog_xml::domain::Domain;
use browndog_xml::read;
use browndog_xml::source::Source;
use criterion::{BenchmarkId, Criterion, Throughput};

/// Every document below `directory`, by name; the corpus's normalised twins are the same shapes again.
fn documents(directory: &Path) -> Vec<Source> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".xml") && !name.ends_with(".normalised.xml")
    });
    paths.sort();
    let source = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Source::from_bytes(name, std::fs::read(path).expect("a listed file is readable"))
    };
    paths.iter().map(source).collect()
}

fn samples() -> Vec<Source> {
    documents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("domains"))
}

/// The parts of the shared corpus that are here.
fn corpus() -> Vec<(&'static str, Vec<Source>)> {
    let named = std::env::var_os("BROWNDOG_CORPUS").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let directory = named.unwrap_or_else(beside);
    if !directory.is_dir() {
        eprintln!("skipped: no corpus (BROWNDOG_CORPUS is not set, ../shared/corpus is not there)");
        return Vec::new();
    }
    ["accept", "refuse", "rfc2008"].map(|part| (part, documents(&directory.join(part)))).to_vec()
}

fn domains(sources: &[Source]) -> Vec<(String, Domain)> {
    let domain = |source: &Source| Some((source.name().to_owned(), read(source).domain?));
    sources.iter().filter_map(domain).collect()
}

/// The plan on a machine that is the same everywhere, with sources that are all there.
fn planned(domain: &Domain, host: &Host) -> Plan {
    let survey = Survey::assume(domain, host.rootless || domain.idmap.is_some());
    let request = Request { instance: "PID-START".to_owned(), ..Request::default() };
    plan(domain, host, &survey, &request)
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for source in &samples() {
        let _group = group.throughput(Throughput::Bytes(source.text().len() as u64));
        let id = BenchmarkId::from_parameter(source.name());
        let _group = group.bench_with_input(id, source, |bencher, source| bencher.iter(|| read(source)));
    }
    for (part, sources) in &corpus() {
        let bytes: usize = sources.iter().map(|source| source.text().len()).sum();
        let _group = group.throughput(Throughput::Bytes(bytes as u64));
        let id = BenchmarkId::new("corpus", part);
        let _group = group.bench_with_input(id, sources, |bencher, sources| {
            bencher.iter(|| sources.iter().map(|source| read(source).report.errors().count()).sum::<usize>());
        });
    }
    group.finish();
}

fn planning(criterion: &mut Criterion) {
    let hosts = [
        ("v2", Host::fixture_v2()),
        ("hybrid", Host::fixture_hybrid()),
        ("without root", Host::fixture_rootless()),
    ];
    let mut group = criterion.benchmark_group("plan");
    for (name, domain) in domains(&samples()) {
        for (layout, host) in &hosts {
            let id = BenchmarkId::new(&name, layout);
            let _group = group.bench_function(id, |bencher| bencher.iter(|| planned(&domain, host)));
        }
    }
    for (part, sources) in &corpus() {
        let all = domains(sources);
        let id = BenchmarkId::new("corpus", part);
        let _group = group.bench_function(id, |bencher| {
            bencher.iter(|| {
                all.iter().map(|(_, domain)| planned(domain, &hosts[0].1).child.len()).sum::<usize>()
            });
        });
    }
    group.finish();
}

/// A container from the library, from the look at the machine until nothing of it is left.
fn starting(criterion: &mut Criterion) {
    if Host::probe().rootless {
        eprintln!("skipped: starts in this process need root");
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    browndog_bench::payload::make_tree(dir.path()).expect("the tree is made");
    let text = format!(
        "<domain type='lxc'><name>bench</name><memory>9007199254740991</memory><os><type>exe</type>\
         <init>/bin/true</init></os><features><privnet/></features><devices><filesystem type='mount'>\
         <source dir='{}'/><target dir='/'/></filesystem><console type='pty'/></devices></domain>",
        dir.path().display()
    );
    let domain = read(&Source::new("bench", text)).domain.expect("it is valid");
    let look = || prepare(&domain, &request());
    let mut group = criterion.benchmark_group("start");
    let _group = group.bench_function("prepare", |bencher| bencher.iter(look));
    let _group = group.bench_function("prepare, start, wait, clean up", |bencher| {
        bencher.iter(|| {
            let mut running = look().start(&Options::default()).expect("it starts");
            let ended = running.wait().expect("it ends");
            assert_eq!((ended.exit_code(), running.clean_up()), (0, Vec::new()));
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    reading(&mut criterion);
    planning(&mut criterion);
    starting(&mut criterion);
    criterion.final_summary();
}
