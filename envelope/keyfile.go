package envelope

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/concord-trust/concord/fault"
)

// Labels of the PEM blocks in which secrets are kept.
const (
	signingKeyLabel   = "PRIVATE KEY" // PKCS#8, RFC 7468 section 10
	recipientKeyLabel = "CONCORD SEAL KEY"
)

// maxKeyFile is the largest key file read, in bytes.
const maxKeyFile = 16 << 10

// WriteKeyFile writes a signing key to a new file that only its owner can
// read. It never replaces a file.
func WriteKeyFile(path string, key ed25519.PrivateKey) error {
	text, err := MarshalPrivate(key)
	if err != nil {
		return err
	}
	return writeSecret(path, text)
}

// ReadKeyFile reads a signing key from a file that only its owner can read.
func ReadKeyFile(path string) (ed25519.PrivateKey, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	key, err := ParsePrivate(text)
	return key, inFile(path, err)
}

// WriteRecipientKeyFile is [WriteKeyFile] for a recipient key.
func WriteRecipientKeyFile(path string, key *RecipientKey) error {
	return WriteSecretFile(path, recipientKeyLabel, key.Bytes())
}

// ReadRecipientKeyFile is [ReadKeyFile] for a recipient key.
func ReadRecipientKeyFile(path string) (*RecipientKey, error) {
	secret, err := ReadSecretFile(path, recipientKeyLabel)
	if err != nil {
		return nil, err
	}
	key, err := ParseRecipientKey(secret)
	if err != nil {
		return nil, inFile(path, err)
	}
	return key, nil
}

// WriteSecretFile writes any secret as a PEM block under a label in capitals
// ("CONCORD TOKEN KEY") to a new file that only its owner can read. It never
// replaces a file.
func WriteSecretFile(path, label string, secret []byte) error {
	return writeSecret(path, encodePEM(label, secret))
}

// ReadSecretFile reads what [WriteSecretFile] wrote under the same label.
//
// Faults name the file: envelope.key_file_missing, envelope.key_file_open
// (others may read it), envelope.bad_key.
func ReadSecretFile(path, label string) ([]byte, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	secret, err := decodePEM(label, text)
	return secret, inFile(path, err)
}

// writeSecret makes the file and returns when it is on the disk.
func writeSecret(path string, text []byte) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "envelope.key_file_exists", "there is a file already, and keys are never replaced; move it away or choose another path").At(path)
	}
	if err != nil {
		return fault.New(fault.Usage, "envelope.key_file_write", "the key file cannot be written; check that its folder exists and is yours").At(path).Because(err)
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(path)
			err = fault.New(fault.Unavailable, "envelope.key_file_write", "the key file could not be written").At(path).Because(err)
		}
	}()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a new file's name durable. Windows cannot and need not.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// readSecret reads a regular file that nobody but its owner can read.
func readSecret(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "envelope.key_file_missing", "there is no key file; the command `init` makes one").At(path).Because(err)
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "envelope.key_file_read", "the key file cannot be read").At(path).Because(err)
	}
	defer file.Close()
	// Asked of the open file, so that nobody can swap it in between.
	info, err := file.Stat()
	if err != nil {
		return nil, fault.New(fault.Usage, "envelope.key_file_read", "the key file cannot be read").At(path).Because(err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fault.New(fault.Usage, "envelope.bad_key", "this is no key file: a regular file of at most %d bytes is expected", maxKeyFile).At(path)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && runtime.GOOS != "windows" {
		return nil, fault.New(fault.Usage, "envelope.key_file_open",
			"others than its owner may use this key file (mode %04o); run: chmod 600 %s", info.Mode().Perm(), path).At(path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, fault.New(fault.Usage, "envelope.key_file_read", "the key file cannot be read").At(path).Because(err)
	}
	return text, nil
}

// inFile adds the path to a fault about a file's content.
func inFile(path string, err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f.At(path)
	}
	return fmt.Errorf("%s: %w", path, err)
}

func encodePEM(label string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: content})
}

// decodePEM takes exactly one block under the label, without headers.
func decodePEM(label string, text []byte) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != label || len(block.Headers) > 0 ||
		len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN ")) {
		return nil, fault.New(fault.Invalid, "envelope.bad_key", "not a key file of this kind: one PEM block %q and nothing else is expected", label)
	}
	return block.Bytes, nil
}
