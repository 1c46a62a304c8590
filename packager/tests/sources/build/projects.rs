//! Real projects: C with `make` and `cc`, and a Node project with npm packages and a bundler.

use std::process::Command;

use super::check::check;
use super::support::{Project, find, sandboxes};
use crate::checkout::skip;

/// A library, a program and a man page, as `make` builds them since decades.
fn write_c_project(project: &Project) {
    let repository = &project.repository;
    repository.write(
        "Makefile",
        "CFLAGS = -O2 -g -Wall\n\
         OBJECTS = src/add.o src/scale.o\n\
         all: out/calc out/libcalc.a out/libcalc.so out/calc.1.gz\n\
         out:\n\tmkdir -p out\n\
         src/%.o: src/%.c src/calc.h\n\t$(CC) $(CFLAGS) -fPIC -c -o $@ $<\n\
         out/libcalc.a: $(OBJECTS) | out\n\t$(AR) rcs $@ $^\n\
         out/libcalc.so: $(OBJECTS) | out\n\t$(CC) -shared -Wl,-soname,libcalc.so.1 -o $@.1 $^\n\tln -sf libcalc.so.1 $@\n\
         out/calc: src/main.c out/libcalc.a | out\n\t$(CC) $(CFLAGS) -o $@ $^\n\
         out/calc.1.gz: calc.1 | out\n\tgzip -n < $< > $@\n\
         check: all\n\ttest \"$$(out/calc 2 3)\" = 10\n",
    );
    repository.write("src/calc.h", "int add(int a, int b);\nint scale(int a);\n");
    repository.write(
        "src/add.c",
        "#include \"calc.h\"\nint add(int a, int b) { return a + b; }\n",
    );
    repository.write(
        "src/scale.c",
        "#include <assert.h>\n#include \"calc.h\"\nint scale(int a) { assert(a < 1000); return 2 * a; }\n",
    );
    repository.write(
        "src/main.c",
        "#include <stdio.h>\n#include <stdlib.h>\n#include \"calc.h\"\n\
         const char *version = \"calc of \" __DATE__ \" \" __TIME__;\n\
         int main(int count, char **words) {\n  if (count < 3) { puts(version); return 1; }\n  \
         printf(\"%d\\n\", scale(add(atoi(words[1]), atoi(words[2]))));\n  return 0;\n}\n",
    );
    repository.write("calc.1", ".TH CALC 1\n.SH NAME\ncalc - calculates\n");
}

#[test]
fn a_c_project_is_built_the_same_twice() {
    if find("make").is_none() || find("cc").is_none() {
        skip("the build of a C project, because `make` or `cc` is not installed");
        return;
    }
    for options in sandboxes() {
        let project = Project::new("make -j$(nproc) all && make check");
        write_c_project(&project);
        project.commit();
        let report = check(&project.repository, &options).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.is_same(), "{report:#?}");
        let outputs = project.outputs(&options);
        let names: Vec<_> = outputs.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "out/calc",
                "out/calc.1.gz",
                "out/libcalc.a",
                "out/libcalc.so",
                "out/libcalc.so.1"
            ]
        );
        // The compiler takes the commit's time for now.
        assert!(outputs["out/calc"].contains("calc of Nov 20 2026 09:00:00"));
    }
}

#[test]
fn a_c_project_that_embeds_the_real_time_is_caught() {
    if find("make").is_none() || find("cc").is_none() {
        skip("the build of a C project, because `make` or `cc` is not installed");
        return;
    }
    for options in sandboxes() {
        let project = Project::new("unset SOURCE_DATE_EPOCH; make all");
        write_c_project(&project);
        project.commit();
        let report = check(&project.repository, &options).unwrap();
        let [difference] = report.differences.as_slice() else {
            panic!("{report:#?}");
        };
        assert_eq!(difference.change.path.as_str(), "out/calc");
        let place = difference.place.as_ref().unwrap();
        assert!(place.first.contains("calc of ") || place.part.is_some() || place.line.is_none());
        assert_ne!(place.first, place.second);
    }
}

/// Writes the decompressor of libzstd, from the crate that our codec is built from, and a program
/// that uses it.
fn write_libzstd(project: &Project) -> bool {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut manifests = packages
        .filter(|package| package["name"] == "zstd-sys")
        .filter_map(|package| package["manifest_path"].as_str());
    let Some(manifest) = manifests.next() else {
        return false;
    };
    let library = std::path::Path::new(manifest).with_file_name("zstd");
    let repository = &project.repository;
    for entry in ["lib/zstd.h", "lib/zstd_errors.h", "LICENSE"] {
        repository.write(entry, std::fs::read(library.join(entry)).unwrap());
    }
    for directory in ["lib/common", "lib/decompress"] {
        for entry in std::fs::read_dir(library.join(directory)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{directory}/{}", entry.file_name().to_str().unwrap());
            repository.write(&name, std::fs::read(entry.path()).unwrap());
        }
    }
    repository.write(
        "Makefile",
        "CFLAGS = -O1 -g\nCPPFLAGS = -Ilib -DZSTD_LEGACY_SUPPORT=0\n\
         SOURCES = $(wildcard lib/*/*.c lib/*/*.S)\n\
         OBJECTS = $(addsuffix .o,$(basename $(SOURCES)))\n\
         all: out/unzstd out/libzstd-decompress.a out/zstd.h\n\
         out/libzstd-decompress.a: $(OBJECTS)\n\tmkdir -p out\n\t$(AR) rcs $@ $^\n\
         out/zstd.h: lib/zstd.h\n\tmkdir -p out\n\tcp $< $@\n\
         out/unzstd: unzstd.c out/libzstd-decompress.a\n\t$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $^ -lpthread\n\
         check: all\n\ttest \"$$(out/unzstd)\" = \"hello 10507\"\n",
    );
    // A frame with one raw block (RFC 8878, section 3.1.1).
    repository.write(
        "unzstd.c",
        "#include <stdio.h>\n#include <zstd.h>\n\
         static const unsigned char frame[] = {\n  0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o'};\n\
         int main(void) {\n  char text[6] = {0};\n  \
         size_t size = ZSTD_decompress(text, 5, frame, sizeof frame);\n  \
         if (ZSTD_isError(size)) { puts(ZSTD_getErrorName(size)); return 1; }\n  \
         printf(\"%s %u\\n\", text, ZSTD_versionNumber());\n  return 0;\n}\n",
    );
    true
}

#[test]
fn a_library_of_c_that_everybody_uses_is_built_the_same_twice() {
    if find("make").is_none() || find("cc").is_none() {
        skip("the build of libzstd, because `make` or `cc` is not installed");
        return;
    }
    for options in sandboxes() {
        let project = Project::new("make -j$(nproc) all && make check");
        if !write_libzstd(&project) {
            skip("the build of libzstd, because its sources are not there");
            return;
        }
        project.commit();
        let report = check(&project.repository, &options).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.is_same(), "{report:#?}");
    }
}

/// Writes a shop that needs packages of npm and a bundler, and lets `npm` do with it what the
/// arguments say, as its user has set it up.
fn write_node_project(project: &Project, npm: &[&str]) -> bool {
    let repository = &project.repository;
    repository.write(
        "package.json",
        r#"{
  "name": "shop",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": {
    "build": "esbuild src/shop.js --bundle --minify --sourcemap --outdir=out --entry-names=[name]-[hash] --metafile=out/meta.json"
  },
  "dependencies": { "nanoid": "5.1.5", "preact": "10.26.9" },
  "devDependencies": { "esbuild": "0.25.5" }
}
"#,
    );
    repository.write(
        "src/shop.js",
        "import { h, render } from 'preact';\nimport { customAlphabet } from 'nanoid';\n\
         import './shop.css';\nconst id = customAlphabet('abc', 8);\n\
         render(h('button', { id: id() }, 'buy'), document.body);\n",
    );
    repository.write("src/shop.css", "button { color: rebeccapurple }\n");
    let installed = Command::new("npm")
        .arg("install")
        .args(npm)
        .args(["--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(repository.work())
        .output();
    installed.is_ok_and(|output| output.status.success())
}

/// Builds twice, and looks at the script that the bundler made.
fn assert_bundled(project: &Project) {
    for options in sandboxes() {
        let report = check(&project.repository, &options).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.is_same(), "{report:#?}");
        let outputs = project.outputs(&options);
        let script = outputs.keys().find(|name| {
            name.starts_with("out/shop-")
                && std::path::Path::new(name).extension() == Some("js".as_ref())
        });
        let script = &outputs[script.unwrap()];
        assert!(
            script.contains("buy") && script.len() > 5_000,
            "{}",
            script.len()
        );
    }
}

fn has_node() -> bool {
    let is_there = find("node").is_some() && find("npm").is_some();
    if !is_there {
        skip("the build of a Node project, because `node` or `npm` is not installed");
    }
    is_there
}

#[test]
fn a_node_project_that_has_its_packages_is_built_without_a_network() {
    if !has_node() {
        return;
    }
    let project = Project::new("npm run build --offline");
    if !write_node_project(&project, &[]) {
        skip("the build of a Node project, because `npm install` cannot fetch its packages");
        return;
    }
    project.commit();
    assert_bundled(&project);
}

#[test]
fn a_node_project_fetches_what_its_lock_file_names_over_the_network() {
    if !has_node() {
        return;
    }
    let project = Project::new("npm ci && npm run build").with("network = true");
    if !write_node_project(&project, &["--package-lock-only"]) {
        skip("the build of a Node project, because `npm install` cannot reach the registry");
        return;
    }
    // The build has another home than the user who has set `npm` up.
    let registry = Command::new("npm")
        .args(["config", "get", "registry"])
        .output()
        .unwrap();
    let registry = String::from_utf8(registry.stdout).unwrap();
    let repository = &project.repository;
    repository.write(".npmrc", format!("registry={registry}"));
    assert!(repository.work().join("package-lock.json").exists());
    assert!(!repository.work().join("node_modules").exists());
    project.commit();
    assert_bundled(&project);
}
