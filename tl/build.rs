//! Makes the Rust types of the API and of the service schema from `schema/`.

use std::{env, error::Error, fs, path::Path};

use tl_gen::{
    codegen::{Input, generate},
    history::History,
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=schema");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);

    let api = History::read(&fs::read_to_string("schema/api.tl")?)?;
    let text = generate(&Input { history: &api, root: "crate", methods: true });
    fs::write(out.join("api.rs"), text)?;

    let service = History::merge(&[(0, &fs::read_to_string("schema/mtproto.tl")?)])?;
    let text = generate(&Input { history: &service, root: "crate::mtproto", methods: false });
    fs::write(out.join("mtproto.rs"), text)?;
    Ok(())
}
