// Package node assembles a hub, a steward or a member's edge from checked
// configuration: it is the only importer of the adapters.
//
//	Config ──[OpenHub]──▶ Hub       rooms + store + HTTP
//	       ──[OpenSteward]──▶ Steward
//	       ──[OpenMember]──▶ Member  collect → minimise → tokenise → outbox → hub
//
// Init functions write a configuration with fresh keys; keys live in files of
// their own that nobody but their owner may read.
package node

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
)

// Labels of secret files.
const (
	labelRecord  = "CONCORD RECORD KEY"
	labelLinkKey = "CONCORD LINK KEY"
	labelIDs     = "CONCORD ID SECRET"
)

// ConfigName is the file that Init functions write.
const ConfigName = "concord.yaml"

// FailpointVar names the environment variable by which the tests kill a
// process at a named point.
const FailpointVar = "CONCORD_FAILPOINT"

// failpoint returns the hook that rooms tell of their named points: it kills
// the process there if [FailpointVar] names the point, as a power cut would.
// Without the variable there is no hook.
func failpoint() func(string) {
	name := os.Getenv(FailpointVar)
	if name == "" {
		return nil
	}
	return func(point string) {
		if point == name {
			syscall.Kill(os.Getpid(), syscall.SIGKILL) //nolint:errcheck // nothing is left to do
			select {}                                  // the signal is on its way
		}
	}
}

// derive makes a key for one use of a secret (HKDF, RFC 5869).
func derive(secret []byte, use string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "concord "+use+" v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", use, err)
	}
	return key, nil
}

// newFolder makes a folder for a new node; a folder that holds a
// configuration already is left alone.
func newFolder(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, ConfigName)); err == nil {
		return fault.New(fault.Conflict, "init.exists", "there is a configuration already; nothing was changed. Choose another folder").At(filepath.Join(dir, ConfigName))
	}
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return fault.New(fault.Usage, "init.folder", "the folder cannot be made").At(dir).Because(err)
	}
	return nil
}

// newSecret writes a secret file of 32 fresh random bytes.
func newSecret(path, label string) error {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("draw a secret: %w", err)
	}
	return envelope.WriteSecretFile(path, label, secret)
}

// newServer bounds how long and how large a request may be, so that slow or
// silent peers hold nothing up for ever. A full envelope passes at 90 kB/s.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// server runs an HTTP server until the context ends, then lets requests
// finish.
func server(ctx context.Context, ln net.Listener, h http.Handler, tls *TLS, resolve func(string) string, log *slog.Logger) error {
	s := newServer(h, log)
	done := make(chan error, 1)
	go func() {
		if tls != nil {
			done <- s.ServeTLS(ln, resolve(tls.Certificate), resolve(tls.Key))
		} else {
			done <- s.Serve(ln)
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.Shutdown(stop)
	if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// listen opens an address; a port that is taken is told as such.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fault.New(fault.Usage, "listen", "cannot listen on %s; is something else running there?", addr).Because(err)
	}
	return ln, nil
}

// logged writes a line for each request: method, path, status and time, never
// a query, header, body or address, nor the id of an object of a collection.
func logged(h http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(rec, r)
		log.Debug("request", "method", r.Method, "path", told(r.URL.Path), "status", rec.status, "took", time.Since(start).Round(time.Microsecond))
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer below.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
