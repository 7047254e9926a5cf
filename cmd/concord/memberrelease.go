package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/terms/policy"
)

// fetched is what `member release` brought.
type fetched struct {
	Release string           `json:"release"`
	Folder  string           `json:"folder"`
	Files   []anonymise.File `json:"files"`
	Cite    string           `json:"cite"`
	// TLP and DataUse are what may be done with it, beside one's own agreement.
	TLP     string           `json:"tlp"`
	DataUse []policy.DataUse `json:"data_use"`
	// Sums is the SHA-256 of SHA256SUMS, and At the hub's address of the
	// release: with them a citation leads to these very files.
	Sums string `json:"sha256sums"`
	At   string `json:"at"`

	passOn string
}

func memberRelease() *cobra.Command {
	var f configFlags
	var dir string
	c := &cobra.Command{
		Use:   "release ID --to DIR",
		Short: "Fetch all files of a release into a new folder, as `concord release check` wants them",
		Args:  cobra.ExactArgs(1),
	}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		get := func(path string) ([]byte, error) { return m.Hub.Get(c.Context(), path) }
		r, err := fetchRelease(get, args[0], dir)
		if err != nil {
			return err
		}
		r.At = strings.TrimSuffix(m.Hub.Base, "/") + "/releases/" + url.PathEscape(r.Release)
		return answer(c, r, func() { r.say(c) })
	})
	f.add(c)
	c.Flags().StringVar(&dir, "to", "", "folder to make for the files")
	c.MarkFlagRequired("to") //nolint:errcheck // the flag exists
	return c
}

func (r fetched) say(c *cobra.Command) {
	say(c, "%s of the release %s in %s; each has the checksum that the hub states.", count(len(r.Files), "file"), r.Release, r.Folder)
	say(c, "What you may do with it: %s", r.mayDo())
	say(c, "Cite it as: %s %s, SHA-256 of SHA256SUMS: %s", r.Cite, r.At, r.Sums)
	say(c, "Next: concord release check %s", r.Folder)
}

// mayDo says in one line what may be done with a release.
func (r fetched) mayDo() string {
	var codes []string
	for _, u := range r.DataUse {
		codes = append(codes, fmt.Sprintf("%s %s (%s)", u.Code, u.Label, u.ID))
	}
	if len(codes) == 0 {
		codes = []string{"no data-use code"}
	}
	return fmt.Sprintf("%s, pass it on %s; %s; all of it within your own agreement (`concord member agreement`). If it is withdrawn, delete it, and confirm that (`concord member confirm`).",
		cmp.Or(r.TLP, "TLP:RED"), r.passOn, strings.Join(codes, ", "))
}

// fetchRelease fetches the files into a folder beside dir, which becomes dir
// when all of them are there.
func fetchRelease(get func(path string) ([]byte, error), id, dir string) (fetched, error) {
	if _, err := os.Lstat(dir); err == nil {
		return fetched{}, fault.New(fault.Usage, "release.exists", "something stands here already; name a new folder with --to").At(dir)
	}
	at := "/v1/releases/" + url.PathEscape(id)
	about, err := get(at)
	if err != nil {
		return fetched{}, err
	}
	var r anonymise.Release
	if err := json.Unmarshal(about, &r); err != nil {
		return fetched{}, fault.New(fault.Invalid, "release.description", "the hub's description of the release cannot be read").At(at).Because(err)
	}
	if err := r.Gone(); err != nil {
		return fetched{}, err
	}
	if len(r.Files) == 0 {
		return fetched{}, fault.New(fault.Invalid, "release.description", "the hub names no file of the release; nothing was kept. Tell the hub's operator").At(at)
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), ".release-")
	if err != nil {
		return fetched{}, cannotMake(dir, err)
	}
	defer os.RemoveAll(part) //nolint:errcheck // what is left of it harms nobody
	for _, file := range r.Files {
		if err := fetchFile(get, at, part, file); err != nil {
			return fetched{}, err
		}
	}
	if err := os.Chmod(part, fs.FileMode(0o755)); err != nil {
		return fetched{}, cannotMake(dir, err)
	}
	if err := os.Rename(part, dir); err != nil {
		return fetched{}, cannotMake(dir, err)
	}
	got := fetched{Release: string(r.ID), Folder: dir, Files: r.Files, Cite: r.Cite, TLP: r.TLP, DataUse: r.DataUse, passOn: r.PassOn()}
	if i := slices.IndexFunc(r.Files, func(f anonymise.File) bool { return f.Name == anonymise.SumsName }); i >= 0 {
		got.Sums = r.Files[i].SHA256
	}
	return got, nil
}

// fetchFile fetches one file. Its name is the hub's word and is held to be a
// name: it never leads out of the folder.
func fetchFile(get func(path string) ([]byte, error), at, dir string, file anonymise.File) error {
	if !filepath.IsLocal(file.Name) || strings.ContainsAny(file.Name, `/\`) {
		return fault.New(fault.Invalid, "release.name", "the hub names a file that would not stand in the folder; nothing was kept").At(at)
	}
	data, err := get(at + "/files/" + url.PathEscape(file.Name))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != file.SHA256 {
		return fault.New(fault.Invalid, "release.checksum", "the file is not the one that the release describes; nothing was kept. Fetch it again, and tell the hub's operator if it stays so").At(file.Name)
	}
	name := filepath.Join(dir, file.Name)
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return cannotMake(name, err)
	}
	return nil
}
