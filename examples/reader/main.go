// Command reader opens vaults without the library that wrote them. It is written
// from docs/format.md alone, with Tink for XAES-256-GCM and streams and Go's
// standard library for the rest, to show that the description is enough and that
// nobody needs this project to get at what is theirs. It reads the vectors of the
// format:
//
//	go run ./examples/reader vault/testdata/vectors/*.txt
//
// and prints what each of them shows, or why it is refused.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(files []string, out io.Writer) error {
	wrong := 0
	for _, name := range files {
		v, err := load(name)
		if err != nil {
			return err
		}
		got, shows := verdict(v)
		fmt.Fprintf(out, "%s: %s\n", filepath.Base(name), got)
		for _, line := range shows {
			fmt.Fprintln(out, "    "+line)
		}
		if got != v.text("expect") {
			fmt.Fprintf(out, "    but the vector expects: %s\n", v.text("expect"))
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d vectors are not read as they should be", wrong, len(files))
	}
	return nil
}

// verdict opens what a vector is about: "success" or why not, and what a whole
// vault shows.
func verdict(v *vector) (string, []string) {
	try, ok := attempts[v.text("kind")]
	if !ok {
		return "unknown kind", nil
	}
	shows, err := try(v)
	if err != nil {
		return err.Error(), shows
	}
	return "success", shows
}

var attempts = map[string]func(v *vector) ([]string, error){
	"sealed":    envelope(openSealed),
	"committed": envelope(openCommitted),
	"boxed":     envelope(openBox),
	"kept":      envelope(openKept),
	"signed":    trySigned,
	"signature": func(v *vector) ([]string, error) {
		return nil, verifyDetached(v.bytes("key"), v.place(), v.bytes("body"), v.bytes("signature"))
	},
	"reset":     tryReset,
	"restored":  tryRestored,
	"ownerhead": tryOwnerHead,
	"stream":    tryStream,
	"kdf":       tryKDF,
	"derive": func(v *vector) ([]string, error) {
		return nil, v.same("key", derive(v.bytes("secret"), v.text("label"), v.bytes("salt")))
	},
	"sizes":       trySizes,
	"padding":     tryPadding,
	"item-clear":  func(v *vector) ([]string, error) { _, err := parse(clearItem, v.bytes("encoded")); return nil, err },
	"vault":       tryVault,
	"directory":   tryDirectory,
	"grant":       tryGrant,
	"worker":      tryWorker,
	"digits":      tryDigits,
	"fingerprint": tryFingerprint,
	"public-text": tryPublicText,
	"totp":        tryTOTP,
	"card-code":   tryCardCode,
	"card":        tryCard,
	"receipt":     tryReceipt,
	"link":        tryLink,
	"transfer":    tryTransfer,
	"wish":        tryWish,
	"death":       tryDeath,
	"return":      tryReturn,
	"locked":      tryLocked,
	"policy":      tryPolicy,
	"session":     trySession,
	"sheet":       trySheet,
	"helper":      tryHelper,
	"approval":    tryApproval,
}

func tryVault(v *vector) ([]string, error) {
	s := &safe{vector: v}
	err := s.open()
	return s.shows, err
}

func envelope(open func(secret []byte, p place, b []byte) (clear, body []byte, err error)) func(*vector) ([]string, error) {
	return func(v *vector) ([]string, error) {
		clear, body, err := open(v.bytes("key"), v.place(), v.bytes("envelope"))
		if err != nil {
			return nil, err
		}
		if err := v.same("clear", clear); err != nil {
			return nil, err
		}
		return nil, v.same("body", body)
	}
}

func trySigned(v *vector) ([]string, error) {
	body, err := openSigned(v.bytes("key"), v.place(), v.bytes("envelope"))
	if err != nil {
		return nil, err
	}
	return nil, v.same("body", body)
}

func tryReset(v *vector) ([]string, error) {
	body, err := openSigned(v.bytes("key"), place{typ: typeReset, vault: [16]byte(v.bytes("vault")), compartment: owner}, v.bytes("envelope"))
	if err != nil {
		return nil, err
	}
	r, err := parse(fields(map[uint64]any{1: raw, 2: u64}), body)
	if err != nil {
		return nil, err
	}
	if r.num(2) != v.number("count") {
		return nil, fmt.Errorf("another count")
	}
	return nil, v.same("counter", r.bytes(1))
}

func tryOwnerHead(v *vector) ([]string, error) {
	h, err := openOwnerHead([16]byte(v.bytes("vault")), v.bytes("envelope"))
	if err == nil && h.version != v.number("version") {
		err = fmt.Errorf("another version")
	}
	return nil, err
}

func tryStream(v *vector) ([]string, error) {
	content, err := openStream(v.bytes("key"), v.place(), int64(v.number("size")), documentClass(int64(v.number("size"))), v.bytes("stream"))
	if err != nil {
		return nil, err
	}
	return nil, v.same("digest", digest(content))
}

func tryKDF(v *vector) ([]string, error) {
	k := kdf{v.number("algorithm"), v.number("time"), v.number("memory"), v.number("threads"), v.bytes("salt")}
	key, err := k.derive(v.text("password"))
	if err != nil {
		return nil, err
	}
	return nil, v.same("key", key)
}

func trySizes(v *vector) ([]string, error) {
	for _, f := range v.all("body") {
		var n, padded int
		if _, err := fmt.Sscan(f.line, &n, &padded); err != nil || bodyClass(n+1) != padded {
			return nil, fmt.Errorf("body %s", f.line)
		}
	}
	for _, f := range v.all("document") {
		var n, padded, sealed int64
		if _, err := fmt.Sscan(f.line, &n, &padded, &sealed); err != nil || documentClass(n) != padded || sealedSize(n) != sealed {
			return nil, fmt.Errorf("document %s", f.line)
		}
	}
	return nil, nil
}

func tryPadding(v *vector) ([]string, error) {
	body, err := unpad(v.bytes("padded"))
	if err != nil {
		return nil, err
	}
	return nil, v.same("body", body)
}
