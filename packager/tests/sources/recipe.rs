//! Recipes: where they come from and what is said about wrong ones.

use bulla_packager::recipe::{RecipeError, load, parse};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _, report};

use crate::checkout::{GitRepository, RECIPE, open};

fn said(text: &str) -> String {
    let error = parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Usage);
    report(&error, error.hint().as_deref())
}

#[test]
fn reads_a_recipe_and_its_digest() {
    let checked = parse(RECIPE.as_bytes()).unwrap();
    assert_eq!(checked.recipe.bundle.project.as_str(), "acme/billing");
    assert_eq!(checked.recipe.bundle.include, ["**"]);
    assert_eq!(checked.codec.to_string(), "zstd-1.5.7/5");
    assert_eq!(checked.digest, Digest::of(RECIPE.as_bytes()));
}

#[test]
fn names_the_key_the_line_and_the_column() {
    for (text, expected) in [
        (
            "[bundle]\nproject = \"acme/billing\"\ncompresion = 3\n",
            "line 3, column 1, `bundle.compresion`: unknown field `compresion`, expected one of",
        ),
        (
            "[bundle]\nproject = 3\n",
            "line 2, column 11, `bundle.project`: invalid type: integer `3`, expected a string",
        ),
        (
            "[bundle]\nproject = \"Acme\"\n",
            "line 2, column 11, `bundle.project`: a project is an OCI repository name",
        ),
        (
            "[bundle]\ninclude = []\n",
            "line 1, column 1, `bundle`: missing field `project`",
        ),
        ("", "missing field `bundle`"),
        (
            "[bundle]\nproject = \"a\"\n[install]\npersist = [\"a\", \"../b\"]\n",
            "line 4, column 11, `install.persist`: the path has a part",
        ),
        ("[bundle\n", "line 1, column 8: "),
        (
            "[bundle]\nproject = \"a\"\nproject = \"b\"\n",
            "line 3, column 1",
        ),
        (
            "[bundle]\nproject = \"a\"\n\n[health]\nhttp = { url = \"http://x\", statuss = 3 }\n",
            "line 5, column 28, `health.http.statuss`: unknown field `statuss`",
        ),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("`bulla.toml`"), "{said}");
    }
}

#[test]
fn checks_what_types_cannot() {
    for (text, expected) in [
        (
            "[bundle]\nproject = \"a\"\ncompression = 25\n",
            "line 3, column 1, `bundle.compression`\n  expected a compression level from 1 to 19, found 25",
        ),
        (
            "[bundle]\nproject = \"a\"\nexclude = [\"a{b\"]\n",
            "line 3, column 12, `bundle.exclude`\n  `a{b` is not a pattern",
        ),
        (
            "[bundle]\nproject = \"a\"\nexclude = [\n  \"a\", # ä {\n  \"ü\", \"a{b\",\n  \"c\",\n]\n",
            "line 5, column 8, `bundle.exclude`\n  `a{b` is not a pattern",
        ),
        (
            "[bundle]\nproject = \"a\"\ninclude = [\"# a\"]\n",
            "line 3, column 12, `bundle.include`\n  `# a` matches nothing",
        ),
        (
            "[bundle]\nproject = \"a\"\n[install]\npersist = [\"a\", \"a/b\"]\n",
            "line 4, column 17, `install.persist`\n  the persistent path `a/b` lies within",
        ),
        (
            "install.persist = [\n  \"a\",\n  \"a\",\n]\n[bundle]\nproject = \"a\"\n",
            "line 3, column 3, `install.persist`\n  the persistent path `a` lies within",
        ),
        (
            "[bundle]\nproject = \"a\"\n\n[health]\nsettle = \"2s\"\n",
            "line 4, column 2, `health`\n  a health section needs at least one of",
        ),
        (
            "[bundle]\nproject = \"a\"\n[build]\ncommand = [\"make\"]\noutputs = []\n",
            "line 5, column 1, `build.outputs`: expected patterns of what the build makes",
        ),
        (
            "[bundle]\nproject = \"a\"\n[build]\ncommand = [\"make\"]\noutputs = [\"a{b\"]\n",
            "line 5, column 12, `build.outputs`\n  `a{b` is not a pattern",
        ),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn refuses_bytes_that_are_no_text() {
    let error = parse(b"[bundle]\n# caf\xc3\xa9s, caf\xe9\n").unwrap_err();
    assert!(matches!(error, RecipeError::NotUtf8 { byte: 0xe9, .. }));
    assert_eq!(error.kind(), FailureKind::Usage);
    assert_eq!(
        error.to_string(),
        "`bulla.toml` line 2, column 13: expected UTF-8, found the byte 0xe9"
    );
}

#[test]
fn a_missing_recipe_comes_with_an_example() {
    let repository = GitRepository::new();
    repository.write("README", "x");
    repository.commit("first");
    let missing = || {
        let error = load(&open(&repository.work()).unwrap()).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Usage);
        error.hint().unwrap()
    };
    assert!(missing().contains("[bundle]\nproject = "));
    repository.write("bulla.toml", RECIPE);
    assert!(missing().contains("commit it"));
}
