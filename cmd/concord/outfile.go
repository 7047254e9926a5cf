package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
)

// outFile is a file that is written beside its place and takes that place only
// when it is whole: until then what stood there stands.
type outFile struct {
	io.Writer
	file *os.File
	// to is the place to be taken; "" if what is written goes straight there.
	to string
}

// newOutFile makes the file that a command writes, standard output if none is
// named. It refuses one that is read at the same time.
func newOutFile(c *cobra.Command, name string, inputs []string) (*outFile, error) {
	if name == "" {
		return &outFile{Writer: c.OutOrStdout()}, nil
	}
	to, mode := name, fs.FileMode(0o666) // as the user's mask allows
	if own, err := filepath.EvalSymlinks(name); err == nil {
		to = own
	}
	info, err := os.Stat(to)
	switch {
	case err == nil && info.IsDir():
		return nil, fault.New(fault.Usage, "output.folder", "the file cannot be made: it is a folder").At(name)
	case err == nil && !info.Mode().IsRegular(): // a pipe or a device has no place to take
		f, err := os.OpenFile(to, os.O_WRONLY, 0)
		if err != nil {
			return nil, cannotMake(name, err)
		}
		return &outFile{Writer: f, file: f}, nil
	case err == nil:
		if err := notAmong(info, name, inputs); err != nil {
			return nil, err
		}
		mode = info.Mode().Perm()
	}
	f, err := os.OpenFile(fmt.Sprintf("%s.%08x.part", to, rand.Uint32()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, cannotMake(name, err)
	}
	return &outFile{f, f, to}, nil
}

func cannotMake(name string, err error) error {
	why := because(err)
	if errors.Is(err, fs.ErrNotExist) {
		why = "there is no such folder"
	}
	return fault.New(fault.Usage, "output.unwritable", "the file cannot be made: %s", why).At(name).Because(err)
}

func notAmong(out fs.FileInfo, name string, inputs []string) error {
	for _, in := range inputs {
		info, err := os.Stat(in)
		if in == "-" {
			info, err = os.Stdin.Stat()
		}
		if err == nil && os.SameFile(info, out) {
			return fault.New(fault.Usage, "output.input", "this file is read as well; name another with --out").At(name)
		}
	}
	return nil
}

// keep gives the file its place.
func (f *outFile) keep() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	if err == nil && f.to != "" {
		err = os.Rename(f.file.Name(), f.to)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "output.unwritten", "what was written could not be kept: %s", because(err)).At(f.to).Because(err)
	}
	f.file = nil
	return nil
}

// drop removes what was not kept.
func (f *outFile) drop() {
	if f.file == nil {
		return
	}
	f.file.Close()
	if f.to != "" {
		os.Remove(f.file.Name()) //nolint:errcheck // it is of no use to anybody
	}
}
