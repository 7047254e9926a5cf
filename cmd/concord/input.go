package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/textin"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// openInput opens a file, or standard input for "-".
func openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	if name == "" {
		return nil, fault.New(fault.Usage, "input.unnamed", `a file's name is empty; "-" is standard input`)
	}
	f, err := os.Open(name)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && info.IsDir() {
			err = syscall.EISDIR
		}
		if err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, cannotRead("input.unreadable", name, err)
	}
	return f, nil
}

// readInput reads a small file whole.
func readInput(code, name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, cannotRead(code, name, err)
	}
	return data, nil
}

// cannotRead says which file cannot be read, and why.
func cannotRead(code, name string, err error) error {
	return fault.New(fault.Usage, code, "the file cannot be read: %s", because(err)).At(name).Because(err)
}

// because says in words why the system refuses a file.
func because(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is none of this name"
	case errors.Is(err, fs.ErrPermission):
		return "you have no permission"
	case errors.Is(err, fs.ErrExist):
		return "something of this name exists already"
	case errors.Is(err, syscall.EISDIR):
		return "it is a folder"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of its path is no folder"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full"
	case errors.Is(err, syscall.EROFS):
		return "the disk cannot be written"
	}
	return "the system does not let it be used"
}

// records is a file of records that is open, and how it is to be read.
type records struct {
	io.Reader
	io.Closer
	name    string
	options collect.Options
}

// open opens a file and finds out how it is to be read. pick chooses the
// standard of a report.
func (i inputFlags) open(name string, pick func(report.Report) standard.Ref) (*records, error) {
	options := collect.Options{Format: i.format, Standard: pick}
	if err := withMap(&options, i.mapFile); err != nil {
		return nil, err
	}
	if err := i.agrees(options.Map); err != nil {
		return nil, err
	}
	file, err := openInput(name)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(file, 1<<16)
	if options.Format == "" {
		options.Format = guess(name, i.mapFile, beginning(in))
	}
	return &records{in, file, name, options}, nil
}

// agrees refuses a sector beside a map that names the standard of another one:
// one of the two was meant.
func (i inputFlags) agrees(m *mapping.Map) error {
	if m == nil || !m.NamesStandard() || i.sector == "" {
		return nil
	}
	if own := m.Standard(); own != sectorStandard(i.sector) {
		return fault.New(fault.Usage, "map.other_standard",
			"the mapping file is for %s, and %s is asked for; leave the sector out, or take the line `standard` out of the mapping file", own, sectorStandard(i.sector)).At(i.mapFile)
	}
	return nil
}

// each reads all records and yields the reports; see [collect.Read].
func (r *records) each(c *cobra.Command, yield func(collect.Collected) error) (mapping.Account, error) {
	return collect.Read(c.Context(), r, r.name, r.options, yield)
}

// beginning is what is there to judge an input by without waiting for more of
// it; compressed input is unpacked for it.
func beginning(in *bufio.Reader) []byte {
	in.Peek(1) //nolint:errcheck // what cannot be read is told when it is read
	start, _ := in.Peek(in.Buffered())
	if !bytes.HasPrefix(start, []byte{0x1f, 0x8b}) { // RFC 1952
		return start
	}
	unzip, err := gzip.NewReader(bytes.NewReader(start))
	if err != nil {
		return nil
	}
	plain, _ := io.ReadAll(io.LimitReader(unzip, 1<<16)) // it breaks off where start does
	return plain
}

// guess finds the format of a file that nobody named: only tables have maps
// and names that end in .csv or .tsv; else what stands in the file decides,
// and what that leaves open its name.
func guess(name, mapFile string, start []byte) string {
	named := formatOf(name, "")
	switch {
	case mapFile != "" || named == "csv":
		return "csv"
	default:
		return first(formatOfContent(start), named)
	}
}

// formatOfContent tells a format by the first record, "" if it may be more
// than one: a report and a VERIS incident can look the same.
func formatOfContent(start []byte) string {
	text, _ := io.ReadAll(textin.Reader(bytes.NewReader(start)))
	text = bytes.TrimLeft(text, " \t\r\n")
	switch {
	case len(text) == 0:
		return ""
	case text[0] != '{' && text[0] != '[':
		return "csv"
	}
	said := firstObject(text)
	if _, typed := said["type"]; typed && strings.Contains(said["id"], "--") {
		return "stix"
	}
	for _, tell := range []struct {
		format string
		names  []string
	}{
		{"misp", []string{"Event", "Attribute", "response"}},
		{"report", []string{"standard", "native", "observables"}},
		{"veris", []string{"schema_version", "incident_id", "source_id", "plus"}},
	} {
		if slices.ContainsFunc(tell.names, func(n string) bool { _, is := said[n]; return is }) {
			return tell.format
		}
	}
	return ""
}

// firstObject gives the names, with their texts, in the first object of JSON
// that may break off.
func firstObject(text []byte) map[string]string {
	said := map[string]string{}
	dec := json.NewDecoder(bytes.NewReader(text))
	for { // into the first object, through the arrays around it
		t, err := dec.Token()
		if err != nil {
			return said
		}
		if t == json.Delim('{') {
			break
		}
		if t != json.Delim('[') {
			return said
		}
	}
	for dec.More() {
		t, err := dec.Token()
		name, is := t.(string)
		if err != nil || !is {
			return said
		}
		said[name] = ""
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return said
		}
		var text string
		if json.Unmarshal(value, &text) == nil {
			said[name] = text
		}
	}
	return said
}

// formatOf guesses a file's format from its name: CSV and TSV tables by their
// ending, STIX, MISP or a report if it says so, VERIS otherwise.
func formatOf(name, given string) string {
	if given != "" {
		return given
	}
	base := strings.TrimSuffix(strings.ToLower(filepath.Base(name)), ".gz")
	switch {
	case strings.HasSuffix(base, ".csv"), strings.HasSuffix(base, ".tsv"):
		return "csv"
	case strings.Contains(base, "stix"):
		return "stix"
	case strings.Contains(base, "misp"):
		return "misp"
	case strings.Contains(base, "report"):
		return "report"
	}
	return "veris"
}

// nothingRead is the error of a file of which nothing could be read as its
// format; nil if something was. An option names the format.
func nothingRead(r *records, option string, a mapping.Account) error {
	if a.Reports > 0 {
		return nil
	}
	hint := "; if it is of another format, name that with " + option
	if all := a.InvalidByReason(); len(all) > 0 {
		why := strings.TrimPrefix(all[0].Path+": "+all[0].Reason, ": ")
		return fault.New(fault.Invalid, "input.nothing", "nothing of it could be read as %s (%s: %s)%s",
			r.options.Format, count(all[0].Count, "time"), why, hint).At(r.name)
	}
	return fault.New(fault.Invalid, "input.empty", "there is no record in it to read as %s%s", r.options.Format, hint).At(r.name)
}

// mostInvalid is how many invalid places are told where nobody asked for all.
const mostInvalid = 20

// tellInvalid tells the first invalid places, and how many there are besides.
func tellInvalid(a mapping.Account, more string, tell func(line string)) {
	all := a.Invalid()
	for _, p := range all[:min(len(all), mostInvalid)] {
		tell(p.String())
	}
	if n := a.InvalidCount() - mostInvalid; n > 0 {
		tell(fmt.Sprintf("and %d more (%s)", n, more))
	}
}

// withMap reads a mapping file into the options of a table.
func withMap(o *collect.Options, file string) error {
	if file == "" {
		return nil
	}
	data, err := readInput("map.unreadable", file)
	if err != nil {
		return err
	}
	o.Map, err = mapping.ParseMap(file, data)
	return err
}

// sectorStandard is the built-in standard of a sector, or the standard itself
// if one is named with its version.
func sectorStandard(sector string) standard.Ref {
	if strings.Contains(sector, "/") {
		return standard.Ref(sector)
	}
	return standard.Ref(sector + "/1.0")
}

// byIndustry chooses the standard of a sector, or without one that of the
// victim's industry.
func byIndustry(sector string) (func(report.Report) standard.Ref, error) {
	if sector == "" {
		return industryStandard, nil
	}
	ref := sectorStandard(sector)
	if !slices.Contains(standard.Builtins(), ref) {
		return nil, fault.New(fault.Usage, "sector.unknown", "there is no sector or standard %q; use one of %s", sector, sectorNames())
	}
	return func(report.Report) standard.Ref { return ref }, nil
}

func industryStandard(r report.Report) standard.Ref {
	return sectorStandard(node.SectorOfIndustry(r.Value("victim.industry")))
}

// sectorNames lists the names that a sector's flag takes.
func sectorNames() string {
	var names []string
	for _, ref := range standard.Builtins() {
		name, _, _ := strings.Cut(string(ref), "/")
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// alias lets a flag be given by another name too, so that the same is said in
// the same way everywhere.
func alias(c *cobra.Command, flag *string, name, of string) {
	c.Flags().StringVar(flag, name, *flag, "the same as --"+of)
}
