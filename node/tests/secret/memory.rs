//! What a process has in memory. Source: proc_pid_mem(5), proc_pid_maps(5), proc_pid_pagemap(5).

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use crate::support::node::TestNode;

const PAGE: u64 = 4096;
/// Of a page's eight bytes in `pagemap`, the last one: it is there, or swapped.
const PRESENT: u8 = 0xc0;

/// The process of a node: the one that was started on its data.
pub(crate) fn process_of(node: &TestNode) -> u32 {
    let data = node.data();
    let all = fs::read_dir("/proc").expect("Linux says what runs");
    let mut found = all.filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse::<u32>().ok()?;
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let mut words = arguments.split(|byte| *byte == 0);
        words.any(|word| word == data.as_os_str().as_encoded_bytes()).then_some(pid)
    });
    found.next().expect("it runs")
}

/// Shows all pages of a process that are there and can be read, those together that lie together.
pub(crate) fn each_run(pid: u32, mut look: impl FnMut(&[u8])) {
    let open = |name: &str| File::open(format!("/proc/{pid}/{name}")).expect("a process of ours");
    let (memory, pages) = (open("mem"), open("pagemap"));
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process of ours");
    for map in maps.lines().filter(|map| !map.ends_with("[vsyscall]")) {
        let mut words = map.split(' ');
        let (range, rights) = (words.next().expect("a range"), words.next().expect("rights"));
        if !rights.starts_with('r') {
            continue;
        }
        let (from, to) = range.split_once('-').expect("a range");
        let page = |digits| u64::from_str_radix(digits, 16).expect("an address") / PAGE;
        let (from, to) = (page(from), page(to));
        // Of what is set aside, only a small part is used.
        let mut entries = vec![0; (to - from) as usize * 8];
        pages.read_exact_at(&mut entries, from * 8).expect("an entry for each page");
        let here: Vec<bool> =
            entries.chunks_exact(8).map(|entry| entry[7] & PRESENT != 0).collect();
        let mut at = from;
        for run in here.chunk_by(|one, next| one == next) {
            let (begin, count) = (at * PAGE, run.len() as u64);
            at += count;
            if !run[0] {
                continue;
            }
            let mut content = vec![0; (count * PAGE) as usize];
            // It may be gone by now, or be the kernel's.
            if memory.read_exact_at(&mut content, begin).is_ok() {
                look(&content);
            }
        }
    }
}
