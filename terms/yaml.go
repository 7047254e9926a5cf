package terms

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// source remembers on which line of which file each part of a sheet stands,
// by its JSON pointer. A sheet that came in an agreement has none.
type source struct {
	file  string
	lines map[string]int
}

// of names the place of a pointer: "file:line" of the nearest part that has a
// line, or the pointer itself.
func (s source) of(pointer string) string {
	if s.lines == nil {
		return pointer
	}
	for p := pointer; ; p = p[:strings.LastIndexByte(p, '/')] {
		if line, ok := s.lines[p]; ok {
			return s.file + ":" + strconv.Itoa(line)
		}
		if p == "" {
			return s.file
		}
	}
}

// place puts file and line into a fault that has a pointer as its path.
func (s source) place(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && (f.Path == "" || f.Path[0] == '/') {
		return f.At(s.of(f.Path))
	}
	return err
}

// ReadStrict reads a document that goes with sheets (a request, a cost model)
// as strictly as a sheet is read. Errors are faults whose Path is "file:line";
// place finds the line of a JSON pointer for what is checked afterwards.
func ReadStrict(file string, data []byte, v any) (place func(pointer string) string, err error) {
	if len(data) > MaxSheet {
		return nil, fault.New(fault.TooLarge, "terms.too_large", "the file has more than %d bytes", MaxSheet).At(file)
	}
	text, where, err := readYAML(file, data)
	if err != nil {
		return nil, err
	}
	if err := where.decode(text, v); err != nil {
		return nil, err
	}
	return where.of, nil
}

// decode reads the JSON of a document strictly; errors name the line.
func (s source) decode(text []byte, v any) error {
	err := wire.Decode(text, v)
	if err == nil {
		return nil
	}
	if errors.Is(err, json.ErrUnknownName) {
		if all := s.unknownProperties(text, v); all != nil {
			return all
		}
	}
	return s.place(err)
}

// readYAML turns one YAML document (of which JSON is a part) into JSON, with
// the line of each of its parts. Sheets need no anchors, tags or merge keys,
// and documents that use them to say more than they show are refused.
func readYAML(file string, data []byte) ([]byte, source, error) {
	where := source{file: file, lines: map[string]int{}}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		// JSON may indent with tabs, which YAML does not take; in JSON no tab
		// stands within a string.
		data = bytes.ReplaceAll(data, []byte("\t"), []byte(" "))
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, where, fault.New(fault.Invalid, "terms.empty", "the sheet is empty").At(file)
		}
		return nil, where, yamlFault(file, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, where, fault.New(fault.Invalid, "terms.malformed", "something follows after the sheet; a file holds one").At(file)
	}
	var out bytes.Buffer
	w := yamlWriter{source: where, enc: jsontext.NewEncoder(&out)}
	if err := w.node(&doc, "", 0); err != nil {
		return nil, where, err
	}
	return out.Bytes(), where, nil
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

func yamlFault(file string, err error) error {
	place, text := file, err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		place, text = file+":"+m[1], text[len(m[0]):]
	}
	return fault.New(fault.Invalid, "terms.malformed", "not YAML from here on (%s)", strings.TrimPrefix(text, "yaml: ")).At(place).Because(err)
}

type yamlWriter struct {
	source
	enc *jsontext.Encoder
}

func (w yamlWriter) node(n *yaml.Node, pointer string, depth int) error {
	if depth > wire.MaxDepth {
		return w.refuse(n, "nested too deeply")
	}
	if n.Kind != yaml.DocumentNode {
		w.lines[pointer] = n.Line
	}
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return w.refuse(n, "anchors and aliases (& and *) have no place in terms; write the clause out")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) != 1 {
			return w.refuse(n, "the sheet is empty")
		}
		return w.node(n.Content[0], pointer, depth+1)
	case yaml.MappingNode:
		return w.mapping(n, pointer, depth)
	case yaml.SequenceNode:
		if err := w.enc.WriteToken(jsontext.BeginArray); err != nil {
			return w.broken(n, err)
		}
		for i, c := range n.Content {
			if err := w.node(c, pointer+"/"+strconv.Itoa(i), depth+1); err != nil {
				return err
			}
		}
		return w.broken(n, w.enc.WriteToken(jsontext.EndArray))
	case yaml.ScalarNode:
		return w.scalar(n, pointer)
	}
	return w.refuse(n, "this cannot be read")
}

func (w yamlWriter) mapping(n *yaml.Node, pointer string, depth int) error {
	if err := w.enc.WriteToken(jsontext.BeginObject); err != nil {
		return w.broken(n, err)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || key.Anchor != "" {
			return w.refuse(key, "a plain name is expected before the colon")
		}
		// The encoder refuses a name that stands twice.
		if err := w.enc.WriteToken(jsontext.String(key.Value)); err != nil {
			return w.broken(key, err)
		}
		child := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key.Value)
		if err := w.node(n.Content[i+1], child, depth+1); err != nil {
			return err
		}
		w.lines[child] = key.Line
	}
	return w.broken(n, w.enc.WriteToken(jsontext.EndObject))
}

var formPointer = regexp.MustCompile(`^/(clauses|fields)/\d+/form$`)

// Lengths of time and days within a sheet.
var (
	spanPointer = regexp.MustCompile(`^/(retention|clauses/\d+/(after|keep|when/contributed_within))$`)
	datePointer = regexp.MustCompile(`^/clauses/\d+/(from|until)$`)
)

func (w yamlWriter) scalar(n *yaml.Node, pointer string) error {
	// A form explains itself best where its line is known.
	if formPointer.MatchString(pointer) {
		if _, err := standard.ParseForm(n.Value); err != nil {
			var f *fault.Error
			if errors.As(err, &f) {
				return f.At(w.of(pointer))
			}
			return err
		}
	}
	if spanPointer.MatchString(pointer) {
		if _, err := ParseSpan(n.Value); err != nil {
			var f *fault.Error
			if errors.As(err, &f) {
				return f.At(w.of(pointer))
			}
			return err
		}
	}
	if datePointer.MatchString(pointer) && !Date(n.Value).valid() {
		return fault.New(fault.Invalid, "terms.date", "%s", wantDate).At(w.of(pointer))
	}
	switch n.ShortTag() {
	case "!!int":
		v, err := strconv.ParseInt(n.Value, 10, 32)
		if err != nil {
			return w.refuse(n, "a plain whole number is expected here")
		}
		return w.broken(n, w.enc.WriteToken(jsontext.Int(v)))
	case "!!str", "!!bool", "!!float", "!!timestamp":
		return w.broken(n, w.enc.WriteToken(jsontext.String(n.Value)))
	case "!!null":
		return w.refuse(n, "nothing stands here; fill it or delete the line")
	}
	return w.refuse(n, "tags (!) have no place in terms")
}

func (w yamlWriter) refuse(n *yaml.Node, what string) error {
	return fault.New(fault.Invalid, "terms.malformed", "%s", what).At(fmt.Sprintf("%s:%d", w.file, max(n.Line, 1)))
}

// broken words what the JSON encoder refuses: a name twice, or text that is
// not UTF-8.
func (w yamlWriter) broken(n *yaml.Node, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return w.refuse(n, "the same name stands twice in one place")
	}
	return fault.New(fault.Invalid, "terms.malformed", "this text cannot be read").
		At(fmt.Sprintf("%s:%d", w.file, max(n.Line, 1))).Because(err)
}
