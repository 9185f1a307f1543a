use std::{env, fs, path::Path};
use tl_gen::{
    codegen::{Input, generate},
    history::History,
};
fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let out = Path::new(&out);
    println!("cargo::rerun-if-changed=schema");
    let api = History::read(&fs::read_to_string("schema/api.tl").unwrap()).unwrap();
    fs::write(out.join("api.rs"), generate(&Input { history: &api, root: "crate", methods: true }))
        .unwrap();
    let text = fs::read_to_string("schema/mtproto.tl").unwrap();
    let m = History::merge(&[(0, &text)]).unwrap();
    fs::write(
        out.join("mtproto.rs"),
        generate(&Input { history: &m, root: "crate::mtproto", methods: false }),
    )
    .unwrap();
}
