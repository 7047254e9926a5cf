package desk

import (
	"crypto/subtle"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/concord-trust/concord/fault"
)

// Limits of what is posted, in bytes.
const (
	maxForm   = 2 << 20
	maxUpload = 16 << 20
	// maxValues bounds the fields of one form.
	maxValues = 5000
)

// upload is one file of a form, whole in memory: nothing of a report is
// written to a temporary file.
type upload struct {
	name string
	data []byte
}

// posted reads a form within its limits and checks its token.
func (d *Desk) posted(v *visit) error {
	kind, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch kind {
	case "multipart/form-data":
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxUpload)
		var parts *multipart.Reader
		if parts, err = v.r.MultipartReader(); err == nil {
			v.form, v.files, err = readParts(parts)
		}
	default:
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
		err = v.r.ParseForm()
		v.form = v.r.PostForm
	}
	if err != nil {
		return badForm(err)
	}
	if subtle.ConstantTimeCompare([]byte(v.value("token")), []byte(v.session.token)) != 1 {
		return fault.New(fault.Forbidden, "desk.token", "this form does not come from a page that was opened here; open the page again")
	}
	return nil
}

func readParts(parts *multipart.Reader) (url.Values, map[string]upload, error) {
	form, files := url.Values{}, map[string]upload{}
	for n := 0; ; n++ {
		p, err := parts.NextPart()
		if err == io.EOF {
			return form, files, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if n >= maxValues {
			return nil, nil, &http.MaxBytesError{Limit: maxUpload}
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case p.FileName() == "" && len(data) == 0: // a file that was not chosen, or an empty field
		case p.FileName() == "":
			form.Add(p.FormName(), string(data))
		default:
			files[p.FormName()] = upload{p.FileName(), data}
		}
	}
}

func badForm(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.TooLarge, "desk.too_large",
			"a form takes %d MiB, a file %d MiB; `concord member submit FILE` takes files of any size", maxForm>>20, maxUpload>>20).Because(err)
	}
	return fault.New(fault.Invalid, "desk.form", "the form did not arrive whole; go back and send it again").Because(err)
}
