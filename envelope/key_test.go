package envelope

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestKeyIDIsTheDocumentedHash(t *testing.T) {
	// SHA-256 of 32 zero bytes begins 66687aad f862bd77 6c8fc18b 8e9f8e20.
	if got, want := KeyID(make([]byte, 32)), "ed25519:66687aadf862bd776c8fc18b8e9f8e20"; got != want {
		t.Errorf("KeyID = %s, want %s", got, want)
	}
}

func TestPublicKeyText(t *testing.T) {
	pub := must(GenerateKey(rand.Reader)).Public().(ed25519.PublicKey)
	text := PublicText(pub)
	if got := must(ParsePublic(text)); !got.Equal(pub) {
		t.Error("the text form does not round-trip")
	}
	for _, bad := range []string{"", text[:42], text + "=", text[:20] + "\n" + text[21:], strings.Repeat("!", 43)} {
		if _, err := ParsePublic(bad); codeOf(err) != "envelope.bad_key" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPrivateKeyText(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	text := must(MarshalPrivate(key))
	if got := must(ParsePrivate(text)); !got.Equal(key) {
		t.Error("the PEM form does not round-trip")
	}
	if _, err := ParsePrivate(append([]byte("\n"), append(text, " \n"...)...)); err != nil {
		t.Errorf("white space around: %v", err)
	}
	other := must(x509.MarshalPKCS8PrivateKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	public := must(x509.MarshalPKIXPublicKey(key.Public()))
	block := must(x509.MarshalPKCS8PrivateKey(key))
	for what, bad := range map[string][]byte{
		"nothing":         nil,
		"cut off":         text[:len(text)/2],
		"two keys":        append(bytes.Clone(text), text...),
		"words before":    append([]byte("key:\n"), text...),
		"words after":     append(bytes.Clone(text), "x"...),
		"another kind":    encodePEM(signingKeyLabel, other),
		"the public half": encodePEM("PUBLIC KEY", public),
		"wrong label":     encodePEM("ED25519 PRIVATE KEY", block),
		"not PKCS#8":      encodePEM(signingKeyLabel, []byte{1, 2, 3}),
		"with headers":    pem.EncodeToMemory(&pem.Block{Type: signingKeyLabel, Headers: map[string]string{"DEK-Info": "x"}, Bytes: block}),
	} {
		if _, err := ParsePrivate(bad); codeOf(err) != "envelope.bad_key" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := MarshalPrivate(nil); codeOf(err) != "envelope.bad_key" {
		t.Errorf("no key: %v", err)
	}
}

func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "member.key")
	key, seal := must(GenerateKey(rand.Reader)), must(GenerateRecipientKey(rand.Reader))
	if err := WriteKeyFile(path, key); err != nil {
		t.Fatal(err)
	}
	if got := must(ReadKeyFile(path)); !got.Equal(key) {
		t.Error("another key was read than written")
	}
	sealPath := filepath.Join(dir, "seal.key")
	if err := WriteRecipientKeyFile(sealPath, seal); err != nil {
		t.Fatal(err)
	}
	if got := must(ReadRecipientKeyFile(sealPath)); !bytes.Equal(got.Bytes(), seal.Bytes()) {
		t.Error("another recipient key was read than written")
	}
	secretPath := filepath.Join(dir, "token.key")
	if err := WriteSecretFile(secretPath, "CONCORD TOKEN KEY", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if got := must(ReadSecretFile(secretPath, "CONCORD TOKEN KEY")); string(got) != "secret" {
		t.Error("another secret was read than written")
	}

	before := must(os.ReadFile(path))
	if err := WriteKeyFile(path, must(GenerateKey(rand.Reader))); codeOf(err) != "envelope.key_file_exists" {
		t.Errorf("writing over a key: %v", err)
	}
	if !bytes.Equal(before, must(os.ReadFile(path))) {
		t.Error("a key was replaced")
	}
	second := func(_ any, err error) error { return err }
	missing := second(ReadKeyFile(filepath.Join(dir, "absent.key")))
	if !errors.Is(missing, fs.ErrNotExist) {
		t.Errorf("a missing file is not known as one: %v", missing)
	}
	for what, c := range map[string]struct {
		code string
		err  error
	}{
		"missing":             {"envelope.key_file_missing", missing},
		"a folder":            {"envelope.bad_key", second(ReadKeyFile(dir))},
		"another kind of key": {"envelope.bad_key", second(ReadKeyFile(sealPath))},
		"a key to sign with":  {"envelope.bad_key", second(ReadRecipientKeyFile(path))},
		"another label":       {"envelope.bad_key", second(ReadSecretFile(secretPath, "CONCORD RECORD KEY"))},
		"folder missing":      {"envelope.key_file_write", WriteKeyFile(filepath.Join(dir, "no", "key"), key)},
	} {
		if codeOf(c.err) != c.code {
			t.Errorf("%s: %v, want %s", what, c.err, c.code)
			continue
		}
		if !strings.HasPrefix(c.err.Error(), dir) {
			t.Errorf("%s: the error does not name the file: %v", what, c.err)
		}
	}
}

func TestKeyFileThatOthersCanReadIsRefusedWithTheRemedy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permission bits mean nothing on Windows")
	}
	path := filepath.Join(t.TempDir(), "member.key")
	if err := WriteKeyFile(path, must(GenerateKey(rand.Reader))); err != nil {
		t.Fatal(err)
	}
	if mode := must(os.Stat(path)).Mode().Perm(); mode != 0o600 {
		t.Errorf("written with mode %04o", mode)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := ReadKeyFile(path)
		if codeOf(err) != "envelope.key_file_open" || !strings.Contains(fmt.Sprint(err), "chmod 600 "+path) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKeyFile(path); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}
