//! The kept inputs of the fuzz targets: each was hard to read once, and is read now.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a library of its own, and here a module")]
mod targets;

use crate::support::root;

#[test]
fn no_kept_input_makes_its_reader_panic() {
    // the stack of a main thread: 64 levels of YAML take 2 MiB of it where nothing is optimised
    let all = std::thread::Builder::new().stack_size(8 << 20).spawn(|| {
        for (name, read) in targets::TARGETS {
            let folder = root().join("fuzz/corpus").join(name);
            let mut inputs = 0;
            for file in fs_err::read_dir(&folder).unwrap() {
                read(&fs_err::read(file.unwrap().path()).unwrap());
                inputs += 1;
            }
            assert!(inputs > 0, "{} is empty", folder.display());
        }
    });
    all.unwrap().join().unwrap();
}

#[test]
fn every_reader_is_a_target() {
    let manifest = fs_err::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let script = fs_err::read_to_string(root().join("scripts/fuzz.sh")).unwrap();
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
        let main = fs_err::read_to_string(root().join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(main.contains(&format!("tstack_fuzz::{name}(data)")), "{name}");
        assert!(script.contains(&format!(" {name} ")) || script.contains(&format!(" {name})")), "{name}");
    }
}
