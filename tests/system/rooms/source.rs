//! The source of a crate as modules that name each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The segments of a path, such as `crate`, `tree`, `Plan`.
type Segments = Vec<String>;

/// A crate: its files by their module, the root being the empty path.
pub(crate) struct Source {
    folder: String,
    files: BTreeMap<Segments, File>,
}

/// One file.
struct File {
    /// All that it names, each path with the module in which it stands.
    paths: Vec<(Segments, Segments)>,
    /// What it imports, by the name that it has here.
    imports: BTreeMap<String, Segments>,
    /// The modules of which it imports everything.
    globs: Vec<Segments>,
    /// The items that it defines.
    items: BTreeSet<String>,
}

impl Source {
    /// Reads the library below `folder`, seen from the workspace. Tests inside it are left out.
    pub(crate) fn read(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(folder);
        let mut files = BTreeMap::new();
        read_folder(&root, &mut Vec::new(), &mut files);
        assert!(files.contains_key(&Vec::new()), "{folder} has no lib.rs");
        Self {
            folder: folder.to_owned(),
            files,
        }
    }

    /// Returns every file with the files of which it names something, but for itself.
    pub(crate) fn imports(&self) -> BTreeMap<String, BTreeSet<String>> {
        let named = self.files.iter().map(|(module, file)| {
            let targets = file.paths.iter().filter_map(|(place, path)| {
                let target = self.resolve(place, path, 0)?;
                (target != *module).then(|| self.name(&target))
            });
            (self.name(module), targets.collect())
        });
        named.collect()
    }

    /// Returns the files that name these segments, one behind the other.
    pub(crate) fn naming(&self, segments: &[&str]) -> Vec<String> {
        let names = |(_, path): &(Segments, Segments)| {
            path.windows(segments.len()).any(|part| part == segments)
        };
        let files = self.files.iter();
        files
            .filter(|(_, file)| file.paths.iter().any(names))
            .map(|(module, _)| self.name(module))
            .collect()
    }

    fn name(&self, module: &[String]) -> String {
        match module {
            [] => format!("{}/lib.rs", self.folder),
            _ => format!("{}/{}.rs", self.folder, module.join("/")),
        }
    }

    /// Returns the file that defines what `path` names in the module `place`; `None` for what is
    /// defined elsewhere, and for a module that is only brought into scope.
    fn resolve(&self, place: &[String], path: &[String], depth: usize) -> Option<Segments> {
        // Two modules may import each other's imports.
        if depth > 8 {
            return None;
        }
        let (mut module, rest) = self.start(place, path, depth)?;
        let mut rest = rest.iter();
        let name = loop {
            let name = rest.next()?;
            module.push(name.clone());
            if !self.files.contains_key(&module) {
                module.pop();
                break name;
            }
        };
        let file = self.file(&module);
        if file.items.contains(name) {
            return Some(module);
        }
        if let Some(import) = file.imports.get(name) {
            return self.resolve(&module, import, depth + 1).or_else(|| {
                // A module: what is named in it follows.
                let path: Segments = import.iter().chain(rest).cloned().collect();
                (path.len() > import.len())
                    .then(|| self.resolve(&module, &path, depth + 1))
                    .flatten()
            });
        }
        file.globs.iter().find_map(|glob| {
            let path: Segments = glob.iter().chain([name]).cloned().collect();
            self.resolve(&module, &path, depth + 1)
        })
    }

    /// Returns the module at which a path begins, and what follows.
    fn start<'p>(
        &self,
        place: &[String],
        path: &'p [String],
        depth: usize,
    ) -> Option<(Segments, &'p [String])> {
        let (first, mut rest) = path.split_first()?;
        let mut module = place.to_vec();
        match first.as_str() {
            "crate" => module.clear(),
            "self" => {}
            "super" => {
                module.pop()?;
                while let Some(behind) = rest.strip_prefix(&["super".to_owned()]) {
                    module.pop()?;
                    rest = behind;
                }
            }
            _ => {
                module.push(first.clone());
                if !self.files.contains_key(&module) {
                    module.pop();
                    return self
                        .imported_module(&module, first, depth)
                        .map(|m| (m, rest));
                }
            }
        }
        Some((module, rest))
    }

    /// Returns the module that a file calls `name` because it imported it.
    fn imported_module(&self, place: &[String], name: &str, depth: usize) -> Option<Segments> {
        let import = self.file(place).imports.get(name)?;
        let (mut module, rest) = (depth < 8)
            .then(|| self.start(place, import, depth + 1))
            .flatten()?;
        module.extend(rest.iter().cloned());
        self.files.contains_key(&module).then_some(module)
    }

    /// Returns the file in which a module stands, which may be inside another's file.
    fn file(&self, module: &[String]) -> &File {
        let mut module = module;
        loop {
            if let Some(file) = self.files.get(module) {
                return file;
            }
            module = &module[..module.len() - 1];
        }
    }
}

fn read_folder(folder: &Path, module: &mut Segments, files: &mut BTreeMap<Segments, File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(stem);
            read_folder(&path, module, files);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut module = module.clone();
            match stem.as_str() {
                // The program names only the library.
                "main" if module.is_empty() => continue,
                "lib" if module.is_empty() => {}
                _ => module.push(stem),
            }
            let text = fs::read_to_string(&path).unwrap();
            let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            files.insert(module.clone(), File::of(&file, module));
        }
    }
}

impl File {
    fn of(file: &syn::File, module: Segments) -> Self {
        let mut reader = Reader {
            file: Self {
                paths: Vec::new(),
                imports: BTreeMap::new(),
                globs: Vec::new(),
                items: BTreeSet::new(),
            },
            module,
        };
        reader.visit_file(file);
        reader.file
    }
}

struct Reader {
    file: File,
    /// Where the reader is; deeper than the file's module inside a module of its own.
    module: Segments,
}

impl Reader {
    fn name(&mut self, path: Segments) {
        self.file.paths.push((self.module.clone(), path));
    }

    fn import(&mut self, tree: &syn::UseTree, before: &mut Segments) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before);
                }
            }
            syn::UseTree::Name(name) => self.imported(before, &name.ident, &name.ident),
            syn::UseTree::Rename(rename) => self.imported(before, &rename.ident, &rename.rename),
            syn::UseTree::Glob(_) => self.file.globs.push(before.clone()),
        }
    }

    fn imported(&mut self, before: &[String], name: &syn::Ident, here: &syn::Ident) {
        let mut path = before.to_vec();
        let mut here = here.to_string();
        if name == "self" {
            here = path.last().cloned().unwrap_or_default();
        } else {
            path.push(name.to_string());
        }
        self.file.imports.insert(here, path.clone());
        self.name(path);
    }

    /// Takes the paths in what a macro is given: names with `::` between them.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Segments::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_path(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end_path(&mut path);
                    self.tokens(group.stream());
                    colons = 0;
                }
                _ => {
                    self.end_path(&mut path);
                    colons = 0;
                }
            }
        }
        self.end_path(&mut path);
    }

    fn end_path(&mut self, path: &mut Segments) {
        if !path.is_empty() {
            self.name(std::mem::take(path));
        }
    }

    fn define(&mut self, item: &syn::Item) {
        let name = match item {
            syn::Item::Const(item) => &item.ident,
            syn::Item::Enum(item) => &item.ident,
            syn::Item::Fn(item) => &item.sig.ident,
            syn::Item::Mod(item) if item.content.is_some() => &item.ident,
            syn::Item::Static(item) => &item.ident,
            syn::Item::Struct(item) => &item.ident,
            syn::Item::Trait(item) => &item.ident,
            syn::Item::Type(item) => &item.ident,
            _ => return,
        };
        self.file.items.insert(name.to_string());
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(item) {
            self.define(item);
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &mut Segments::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.name(segments.map(|one| one.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        visit::visit_macro(self, called);
        self.tokens(called.tokens.clone());
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn is_for_tests(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().starts_with("test")
        }
        _ => false,
    })
}
