// Checks a log with the Go project's own implementation of notes and transparency logs.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go KEY DIRECTORY-OR-URL
//
// KEY is a log key as it stands in a policy. Checked are the checkpoint's signature, the inclusion
// of every entry, and the consistency of every smaller tree. It needs Debian's packages golang-go
// and golang-golang-x-mod-dev and no network but the log's.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// files is where the log's files lie: a directory, or a URL in front of their paths.
type files string

func (f files) read(path string) ([]byte, error) {
	if !strings.Contains(string(f), "://") {
		return os.ReadFile(filepath.Join(string(f), path))
	}
	response, err := http.Get(strings.TrimSuffix(string(f), "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

func (f files) Height() int                     { return height }
func (f files) SaveTiles([]tlog.Tile, [][]byte) {}
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var contents [][]byte
	for _, tile := range tiles {
		// Go's checksum database has the height in its paths, C2SP's tlog-tiles has not.
		content, err := f.read(strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		contents = append(contents, content)
	}
	return contents, nil
}

// checkpoint returns the tree that the log's key signed.
func (f files) checkpoint(key string) (tree tlog.Tree, err error) {
	signed, err := f.read("checkpoint")
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("the checkpoint says %q", opened.Text)
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	copy(tree.Hash[:], root)
	return tree, err
}

// entries returns all entries of a tree.
func (f files) entries(size int64) (entries [][]byte, err error) {
	for start := int64(0); start < size; start += 1 << height {
		width := size - start
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: -1, N: start >> height, W: int(width)}
		bundle, err := f.read(strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1))
		if err != nil {
			return nil, err
		}
		for len(bundle) >= 2 && len(bundle) >= 2+int(binary.BigEndian.Uint16(bundle)) {
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			entries = append(entries, bundle[2:end])
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return nil, fmt.Errorf("entry bundle %d ends inside an entry", tile.N)
		}
	}
	if int64(len(entries)) != size {
		return nil, fmt.Errorf("expected %d entries, found %d", size, len(entries))
	}
	return entries, nil
}

func check(key string, log files) (size int64, err error) {
	tree, err := log.checkpoint(key)
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	entries, err := log.entries(tree.N)
	if err != nil {
		return 0, err
	}
	hashes := tlog.TileHashReader(tree, log)
	for index, entry := range entries {
		index := int64(index)
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
		}
		if err != nil {
			return 0, fmt.Errorf("inclusion of entry %d: %w", index, err)
		}
		older := index + 1
		root, err := tlog.TreeHash(older, hashes)
		if err != nil {
			return 0, fmt.Errorf("root at size %d: %w", older, err)
		}
		consistency, err := tlog.ProveTree(tree.N, older, hashes)
		if err == nil {
			err = tlog.CheckTree(consistency, tree.N, tree.Hash, older, root)
		}
		if err != nil {
			return 0, fmt.Errorf("consistency with size %d: %w", older, err)
		}
	}
	return tree.N, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: main.go KEY DIRECTORY-OR-URL")
		os.Exit(2)
	}
	size, err := check(os.Args[1], files(os.Args[2]))
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(3)
	}
	fmt.Printf("%d entries, all included, every older tree consistent\n", size)
}
