package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/concord-trust/concord/httpapi"
)

// FuzzRequest: whatever body, media type and credential are sent to a path of a
// hub or a steward, the answer is a problem document with a code, and never our own failure.
func FuzzRequest(f *testing.F) {
	paths := []string{"/v1/invitation", "/v1/join", "/v1/agreement", "/v1/contributions", "/v1/login", "/v1/admit", "/v1/evaluate"}
	for i := range paths {
		f.Add(byte(i), []byte(`{"code":"a","agreement":"e30=","person":"x","purposes":["defend"]}`), "application/json", "Concord a.b")
		f.Add(byte(i), []byte(`{"payload":"e30=","payloadType":"application/vnd.concord.contribution.v1","signatures":[{"keyid":"a","sig":"b"}]}`), "", "")
	}
	f.Add(byte(1), []byte(`{"code":"a","agreement":"eyJwYXlsb2FkIjoiZTMwPSJ9"}`), "application/json; charset=utf-8", "Bearer")
	f.Add(byte(6), []byte(`{"epoch":1,"key":"link","blinded":["AAAA"]}`), "application/json", "Concord a.b")
	h := newHouse(f)
	steward := h.steward(h.hubKey())
	f.Fuzz(func(t *testing.T, which byte, body []byte, media, authorization string) {
		r := httptest.NewRequest(http.MethodPost, paths[int(which)%len(paths)], bytes.NewReader(body))
		r.Header["Content-Type"] = []string{media}
		r.Header["Authorization"] = []string{authorization}
		w := httptest.NewRecorder()
		if r.URL.Path == "/v1/admit" || r.URL.Path == "/v1/evaluate" {
			steward.ServeHTTP(w, r)
		} else {
			h.mux.ServeHTTP(w, r)
		}
		var p httpapi.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Status != w.Code || w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s answered %d: %s (%v)", r.URL, w.Code, w.Body, err)
		}
	})
}
