//! Reading a document whole: markup, shape, values, rules and the typed domain.
//!
//! `cargo bench --bench validate`. By shape: documents of `xml/tests/accept`. By size: a container
//! with ever more file systems, whose throughput has to stay the same. `benches/peers.py` reads the figures
//! and sets those of xmllint and lxml beside them.

use std::hint::black_box;
use std::path::Path;

use browndog_xml::read;
use browndog_xml::source::Source;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A right document of about this many bytes.
fn document(bytes: usize) -> String {
    let mut text = String::from(
        "<domain type='lxc'>\n  <name>many</name>\n  <memory unit='MiB'>512</memory>\n  <os>\n    <type>exe</type>\n    <init>/sbin/init</init>\n  </os>\n  <devices>\n",
    );
    let mut number = 0;
    while text.len() < bytes {
        text.push_str(&format!(
            "    <filesystem type='mount'>\n      <source dir='/srv/shared/{number}'/>\n      <target dir='/mnt/{number}'/>\n      <readonly/>\n    </filesystem>\n"
        ));
        number += 1;
    }
    text.push_str("  </devices>\n</domain>\n");
    text
}

fn by_shape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shape");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("xml/tests/accept");
    let entries = std::fs::read_dir(directory).expect("the documents are there");
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a listed file is readable");
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let _group = group.throughput(Throughput::Bytes(text.len() as u64));
        let source = Source::new(name.clone(), text);
        let _group = group.bench_function(name, |bencher| bencher.iter(|| read(black_box(&source))));
    }
    group.finish();
}

/// The corpus's mean document, and where there is a corpus, all of it.
fn mean(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mean");
    let text = include_str!("mean.xml");
    let source = Source::new("mean.xml", text);
    assert!(read(&source).domain.is_some(), "the document is right");
    let _group = group.throughput(Throughput::Bytes(text.len() as u64));
    let _group = group.bench_function("document", |bencher| bencher.iter(|| read(black_box(&source))));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/accept");
    let Ok(entries) = std::fs::read_dir(&corpus) else {
        return eprintln!("skipped: no corpus beside the checkout");
    };
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    let sources: Vec<Source> = texts.map(|text| Source::new("corpus.xml", text)).collect();
    let bytes: usize = sources.iter().map(|source| source.text().len()).sum();
    let _group = group.throughput(Throughput::Bytes(bytes as u64));
    let _group = group.bench_function("corpus", |bencher| {
        bencher.iter(|| sources.iter().filter(|source| read(black_box(source)).domain.is_some()).count());
    });
    group.finish();
}

fn by_size(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("size");
    let _group = group.sample_size(10);
    for bytes in [1 << 10, 10 << 10, 100 << 10, 1 << 20, 10 << 20, 100 << 20] {
        let source = Source::new("size.xml", document(bytes));
        let _group = group.throughput(Throughput::Bytes(source.text().len() as u64));
        let id = BenchmarkId::from_parameter(bytes);
        let _group =
            group.bench_with_input(id, &source, |bencher, source| bencher.iter(|| read(black_box(source))));
    }
    group.finish();
}

criterion_group!(benches, mean, by_shape, by_size);
criterion_main!(benches);
