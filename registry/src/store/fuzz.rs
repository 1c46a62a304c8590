//! What must hold of a recipe that is read back, for the fuzz targets.
#![expect(clippy::missing_panics_doc, reason = "a panic is what is looked for")]

use super::recipe::Recipe;

/// A recipe is read as it is written, and a range of its blob is as long as was asked for.
pub fn recipe(bytes: &[u8]) {
    let Some(recipe) = Recipe::from_bytes(bytes) else {
        return;
    };
    let again = Recipe::from_bytes(&recipe.to_bytes());
    assert_eq!(again.as_ref(), Some(&recipe));
    let size = recipe.size();
    let packs = recipe.packs();
    for (first, length) in [(0, size), (size / 3, size / 2), (size, 1), (size / 2, size)] {
        let expected = length.min(size - first);
        let spans = recipe.spans(first, length);
        let found: u64 = spans.iter().map(|span| span.length).sum();
        assert_eq!(found, expected, "{length} bytes from {first} on");
        for span in spans {
            let end = span.place.offset + span.length;
            assert!(end <= packs[&span.place.pack], "beyond the pack");
        }
        let portions = recipe.portions(first, length);
        let found: u64 = portions.iter().map(|portion| portion.length).sum();
        assert_eq!(found, expected, "{length} bytes from {first} on");
        for portion in portions {
            let whole: u64 = portion.frames.iter().map(|frame| frame.size).sum();
            assert_eq!(whole, portion.span.length, "whole frames");
            assert!(portion.skip + portion.length <= whole, "within its frames");
        }
    }
}
