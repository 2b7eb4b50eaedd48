package recovery

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// What the person brings comes to 32 bytes:
//
//	sheet:    HKDF(Argon2id(its 24 digits, KDF), "recovery sheet")
//	answers:  the witness's function of
//	          HMAC-SHA256(Secret, Argon2id(each normalised answer with its length, KDF))
//
// and where the person brings nothing, the witness's function of a fixed text about the
// path. A sheet is random, so that nobody can try all of them; answers can be tried, and so
// nobody can without the witness, which counts (F1, F9), and which learns nothing: what it
// is asked about is a hash under a key that it does not have.

// What is needed to make that part again lies with the keyslot, as CBOR of this. It opens
// for the service's keys and the key service together. A number is never reused.
type params struct {
	Form        uint8     `cbor:"1,keyasint"`
	KDF         *seal.KDF `cbor:"2,keyasint,omitempty"`
	Normal      uint8     `cbor:"3,keyasint,omitempty"` // the rules by which free answers were normalised
	Count       uint8     `cbor:"4,keyasint,omitempty"` // how many answers, or pictures
	Secret      []byte    `cbor:"5,keyasint,omitempty"` // 32 random bytes, of answers
	Generations []uint64  `cbor:"6,keyasint,omitempty"` // of the witness's key, for each class that it evaluates
	Waits       []int64   `cbor:"7,keyasint,omitempty"` // milliseconds, as vault.NewPath.Waits, so that a request lasts longer
}

// longest is how long the path waits at most.
func (p *params) longest() (wait time.Duration) {
	for _, w := range p.Waits {
		wait = max(wait, time.Duration(w)*time.Millisecond)
	}
	return wait
}

// Forms of what the person brings.
const (
	formSheet    uint8 = 1
	formAnswers  uint8 = 2
	formPictures uint8 = 3
	formNothing  uint8 = 4 // of the person's: helpers and the witness
)

// shown is what whoever brings the helper's half may read of a path, as CBOR: the
// questions, or of how many pictures the sequence is. It is nil of other paths.
type shown struct {
	Questions []string `cbor:"1,keyasint,omitempty"`
	Pictures  uint8    `cbor:"2,keyasint,omitempty"`
}

// newParams are those of a path that is about to be made, with a salt of its own (I3).
func newParams(form uint8, count int) params {
	p := params{Form: form}
	if form == formNothing {
		return p
	}
	kdf := seal.NewKDF()
	p.KDF = &kdf
	if form == formSheet {
		return p
	}
	p.Count, p.Secret = uint8(count), make([]byte, sha256.Size)
	_, _ = rand.Read(p.Secret) // never fails
	if form == formAnswers {
		p.Normal = normal1
	}
	return p
}

// readParams reads what was kept with a keyslot. vault.ErrTampered if it makes no sense:
// it was sealed there by this package, and by nobody else.
func readParams(kind vault.PathKind, raw []byte) (p params, err error) {
	if seal.Unmarshal(raw, &p) != nil || !p.fits(kind) {
		return params{}, fmt.Errorf("%w: the parameters of a path", vault.ErrTampered)
	}
	return p, nil
}

// readShown reads what vault.PathFacts has as Shown; nil is nothing.
func readShown(raw []byte) (s shown, err error) {
	if raw != nil && seal.Unmarshal(raw, &s) != nil {
		return shown{}, fmt.Errorf("%w: what is shown of a path", vault.ErrTampered)
	}
	return s, nil
}

func (p *params) fits(kind vault.PathKind) bool {
	evaluated := func(least, most int) bool {
		return len(p.Generations) >= least && len(p.Generations) <= most && !slices.Contains(p.Generations, 0)
	}
	answers := p.KDF != nil && p.Count > 0 && len(p.Secret) == sha256.Size && evaluated(1, 1)
	switch kind {
	case vault.PathSheetRelay, vault.PathSheetDesk:
		return p.Form == formSheet && p.KDF != nil && evaluated(0, 0)
	case vault.PathAnswersRelay, vault.PathAnswersDesk:
		return answers && (p.Form == formAnswers && p.Normal == normal1 || p.Form == formPictures && p.Normal == 0)
	case vault.PathHelpers:
		return p.Form == formNothing && evaluated(1, 2)
	}
	return false
}

// brought is what the person's part came to.
type brought struct {
	// own is the part, for vault.PathProof.Own; nil of answers, for which it is the
	// Output of the witness's evaluation of input.
	own        []byte
	input      [32]byte
	generation uint64 // of the witness's key, for that evaluation
}

// bring makes the person's part of a path again from what they entered. kind and raw are
// Kind and Params of vault.PathFacts.
//
// Of a sheet the part comes back ready, as own. Of answers, input goes to
// Witness.EvaluateWithin, with generation, at the counter
// Vaults.PathCounter(id, path, 0); its Output is the part, for both classes. Nothing is
// counted here and nothing is compared: only the keyslot, or the count of the witness,
// says whether it was right.
//
// Errors: vault.ErrInvalid for a sheet that is mistyped, answers of another number than
// was asked for, an answer with nothing in it, a picture that is none: ask again, no try
// is spent. vault.ErrBusy, vault.ErrTampered, vault.ErrPolicy, and those of ctx.
func (s *Service) bring(ctx context.Context, kind vault.PathKind, raw []byte, c Completion) (brought, error) {
	p, err := readParams(kind, raw)
	if err != nil {
		return brought{}, err
	}
	switch p.Form {
	case formSheet:
		if c.Sheet == "" {
			return brought{}, invalid("sheet", "is missing: this way back in takes the recovery sheet")
		}
		sheet, err := ReadSheet(c.Sheet)
		if err != nil {
			return brought{}, err
		}
		own, err := s.sheetPart(ctx, p, sheet)
		return brought{own: own}, err
	case formAnswers, formPictures:
		input, err := s.answersInput(ctx, p, c.Answers)
		return brought{input: input, generation: p.Generations[0]}, err
	}
	return brought{}, nil // nothing is asked of the person
}

// sheetPart is what the code of a sheet comes to.
func (s *Service) sheetPart(ctx context.Context, p params, sheet Sheet) ([]byte, error) {
	code, err := sheet.digits()
	if err != nil {
		return nil, err
	}
	key, err := s.cfg.Vaults.Stretch(ctx, *p.KDF, code)
	if err != nil {
		return nil, err
	}
	return seal.DeriveKey(key.Bytes(), "recovery sheet", nil).Bytes(), nil
}

// answersInput is what the witness is asked about.
func (s *Service) answersInput(ctx context.Context, p params, answers []string) (input [32]byte, err error) {
	if len(answers) != int(p.Count) {
		return input, invalid("answers", "are not as many as were asked for")
	}
	var all []byte
	for _, answer := range answers {
		normal := normalAnswer(answer)
		if p.Form == formPictures {
			normal = pictureNamed(answer)
		}
		if normal == "" || len(answer) > maxAnswer {
			return input, invalid("answers", "hold one with nothing in it, or one that is too long")
		}
		// With its length, so that what moves from one answer to the next is another (I1).
		all = append(binary.BigEndian.AppendUint32(all, uint32(len(normal))), normal...)
	}
	key, err := s.cfg.Vaults.Stretch(ctx, *p.KDF, string(all))
	if err != nil {
		return input, err
	}
	h := hmac.New(sha256.New, p.Secret)
	_, _ = h.Write([]byte("reconnect recovery answers 1"))
	_, _ = h.Write(key.Bytes())
	return [32]byte(h.Sum(nil)), nil
}

// waited is what the witness is asked about on the path with nothing of the person's, for
// a class: 0 for Owner and Shared, 1 for Private. It goes to Witness.EvaluateWithin, with
// generation, at the counter Vaults.PathCounter(id, path, class), when the wait of that
// class is over; its Output is vault.PathProof.Values[class]. raw is Params of
// vault.PathFacts. vault.ErrNotFound if the path does not open this class.
func waited(path vault.PathID, class int, raw []byte) (input [32]byte, generation uint64, err error) {
	p, err := readParams(vault.PathHelpers, raw)
	if err != nil {
		return input, 0, err
	}
	if class < 0 || class >= len(p.Generations) {
		return input, 0, vault.ErrNotFound
	}
	return waitedInput(path, class), p.Generations[class], nil
}

// waitedInput is no secret: what the witness makes of it is, and it is bound to vault and
// counter there.
func waitedInput(path vault.PathID, class int) [32]byte {
	return sha256.Sum256(slices.Concat([]byte("reconnect recovery waited value 1"), path[:], []byte{byte(class)}))
}
