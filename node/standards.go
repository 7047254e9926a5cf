package node

import (
	"os"
	"path/filepath"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
)

// standards finds built-in standards and those of a folder.
type standards struct {
	own map[standard.Ref]*standard.Standard
}

// loadStandards reads every *.json of a folder; dir "" means none. A document
// may extend a built-in standard or one whose file name sorts before it.
func loadStandards(dir string) (*standards, error) {
	s := &standards{own: map[standard.Ref]*standard.Standard{}}
	if dir == "" {
		return s, nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fault.New(fault.Usage, "config.standards", "the folder of standards cannot be listed").At(dir).Because(err)
	}
	for _, name := range files {
		std, err := ReadStandard(name, s.find)
		if err != nil {
			return nil, err
		}
		s.own[std.Ref()] = std
	}
	return s, nil
}

// ReadStandard reads, resolves and checks a standard's file.
func ReadStandard(name string, lookup func(standard.Ref) (*standard.Standard, error)) (*standard.Standard, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.New(fault.Usage, "standard.unreadable", "the file cannot be read").At(name).Because(err)
	}
	doc, err := standard.Parse(data)
	if err != nil {
		return nil, at(name, err)
	}
	std, err := standard.Resolve(doc, lookup)
	if err != nil {
		return nil, at(name, err)
	}
	return std, nil
}

func (s *standards) find(ref standard.Ref) (*standard.Standard, error) {
	if std, ok := s.own[ref]; ok {
		return std, nil
	}
	return standard.Builtin(ref)
}

// at puts a file's name before an error's place.
func at(name string, err error) error {
	f := fault.Public(err)
	if f.Kind == fault.Internal {
		return err
	}
	if f.Path != "" {
		return f.At(name + ": " + f.Path)
	}
	return f.At(name)
}
