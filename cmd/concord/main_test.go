package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/concord-trust/concord/internal/postgrestest"
)

// TestMain lets the transcripts run this very program under its name.
func TestMain(m *testing.M) {
	testscript.Main(running{m}, map[string]func(){"concord": main})
}

// running ends what the tests share once they ran.
type running struct{ m *testing.M }

// Run runs the tests.
func (r running) Run() int { return postgrestest.Run(r.m) }

// TestCommandsDoAsTheTranscriptsSay runs what a person would type; the
// transcripts in testdata can be read as a manual.
func TestCommandsDoAsTheTranscriptsSay(t *testing.T) {
	testscript.Run(t, transcripts(t, "script", ""))
}

// TestAHubMovesBetweenStoresAsTheTranscriptSays has a real database for it.
func TestAHubMovesBetweenStoresAsTheTranscriptSays(t *testing.T) {
	testscript.Run(t, transcripts(t, "store", postgrestest.Database(t)))
}

// transcripts are those of a folder of testdata; dsn, if any, is put into the
// file of that name.
func transcripts(t *testing.T, folder, dsn string) testscript.Params {
	t.Helper()
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Dir:                 filepath.Join("testdata", folder),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			env.Setenv("HALFYEAR", time.Now().AddDate(0, 6, 0).Format(time.DateOnly))
			for _, name := range []string{"HUB", "STEWARD", "DESK"} {
				addr, err := freeAddress()
				if err != nil {
					return err
				}
				env.Setenv(name, addr)
			}
			if dsn == "" {
				return nil
			}
			return os.WriteFile(filepath.Join(env.Cd, "dsn"), []byte(dsn+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers":     answers,
			"certificate": certificate,
			"readable":    onlyOwner,
		},
	}
}

// freeAddress finds a port on loopback that nobody listens on.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// answers waits until a URL answers with success: "answers http://$HUB/readyz".
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answers URL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
		ts.Check(err)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("%s never answered", args[0])
		case <-tick.C:
		}
	}
}

// certificate makes a certificate for loopback that signs itself, and its key:
// "certificate NAME" writes NAME.pem and NAME.key.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate NAME")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: args[0]}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, of, of, public, private)
	ts.Check(err)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

// onlyOwner checks that nobody but its owner may read a file: "readable FILE".
func onlyOwner(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if open := info.Mode().Perm()&0o077 != 0; open != neg {
			ts.Fatalf("%s has mode %v", name, info.Mode())
		}
	}
}
