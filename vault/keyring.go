package vault

import (
	"crypto/subtle"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// root is the 256 random bits of one compartment, which a keyslot opens. It
// opens the keyring and nothing else, and is forgotten at once.
type root = seal.Key

// generation is one set of keys of a compartment: records are sealed under key,
// deposits to inbox.
type generation struct {
	number uint64
	key    seal.Key
	inbox  seal.BoxKey
}

// ring holds the generations of a compartment, oldest first; the last is current.
type ring struct{ generations []*generation }

type rings map[Compartment]*ring

func newGeneration(number uint64) (*generation, error) {
	inbox, err := seal.NewBoxKey()
	if err != nil {
		return nil, err
	}
	return &generation{number: number, key: seal.NewKey(), inbox: inbox}, nil
}

func (r *ring) current() *generation { return r.generations[len(r.generations)-1] }

func (r *ring) generation(n uint64) (*generation, bool) {
	i := slices.IndexFunc(r.generations, func(g *generation) bool { return g.number == n })
	if i < 0 {
		return nil, false
	}
	return r.generations[i], true
}

// current are the numbers of the latest generations.
func (r rings) current() map[Compartment]uint64 {
	out := map[Compartment]uint64{}
	for c, ring := range r {
		out[c] = ring.current().number
	}
	return out
}

// The stored form of generations, in keyrings and sessions.
type generationBody struct {
	Number uint64 `cbor:"1,keyasint"`
	Key    []byte `cbor:"2,keyasint"`
	Inbox  []byte `cbor:"3,keyasint"`
}

func (r *ring) body() []generationBody {
	out := make([]generationBody, len(r.generations))
	for i, g := range r.generations {
		out[i] = generationBody{Number: g.number, Key: g.key.Bytes(), Inbox: g.inbox.Bytes()}
	}
	return out
}

func parseRing(bodies []generationBody) (*ring, bool) {
	r := &ring{}
	for i, b := range bodies {
		if b.Number == 0 || i > 0 && b.Number <= bodies[i-1].Number {
			return nil, false
		}
		key, err := seal.KeyFromBytes(b.Key)
		if err != nil {
			return nil, false
		}
		inbox, err := seal.BoxKeyFromBytes(b.Inbox)
		if err != nil {
			return nil, false
		}
		r.generations = append(r.generations, &generation{number: b.Number, key: key, inbox: inbox})
	}
	return r, len(r.generations) > 0
}

// A keyring as stored: V/k/<c>, its digest in the owner head.
//
//	clear CBOR{1: version} | sealed under HKDF(root): CBOR{1: generations, 2: vault signing seed (Owner only)}
type keyringClear struct {
	Version uint64 `cbor:"1,keyasint"`
}

type keyringBody struct {
	Generations []generationBody `cbor:"1,keyasint"`
	Signer      []byte           `cbor:"2,keyasint"`
}

func sealKeyring(id ID, c Compartment, version uint64, root root, r *ring, signer *seal.SigningKey) ([]byte, error) {
	b := keyringBody{Generations: r.body()}
	if c == Owner {
		b.Signer = signer.Bytes()
	}
	clear, err := seal.Marshal(keyringClear{Version: version})
	if err != nil {
		return nil, err
	}
	body, err := seal.Marshal(b)
	if err != nil {
		return nil, err
	}
	return keyringKey(root).Seal(id.bind(seal.TypeKeyring, c, 0, nil, version), clear, body)
}

func openKeyring(id ID, c Compartment, record []byte, root root) (*ring, *seal.SigningKey, error) {
	_, clear, err := seal.ParseClear(record)
	var head keyringClear
	if err == nil {
		err = seal.Unmarshal(clear, &head)
	}
	var body []byte
	if err == nil {
		_, body, err = keyringKey(root).Open(id.bind(seal.TypeKeyring, c, 0, nil, head.Version), record)
	}
	var b keyringBody
	if err == nil {
		err = seal.Unmarshal(body, &b)
	}
	if err != nil {
		return nil, nil, tampered("%s keyring", c)
	}
	r, ok := parseRing(b.Generations)
	if !ok {
		return nil, nil, tampered("%s keyring", c)
	}
	if c != Owner {
		return r, nil, nil
	}
	signer, err := seal.SigningKeyFromBytes(b.Signer)
	if err != nil {
		return nil, nil, tampered("%s keyring", c)
	}
	return r, &signer, nil
}

func keyringKey(root root) seal.Key { return seal.DeriveKey(root.Bytes(), "keyring", nil) }

// readKeyrings opens the keyrings of the roots at hand, each against its digest
// in the owner head, and checks that the vault key inside is the one that
// signed that head: a head signed by anybody else opens nothing here.
func readKeyrings(tx *storage.Tx, id ID, owner *seal.OwnerHead, roots map[Compartment]root) (rings, *seal.SigningKey, error) {
	out, signer := rings{}, (*seal.SigningKey)(nil)
	for c, root := range roots {
		rec, err := tx.Get(id.keyring(c))
		if err != nil {
			return nil, nil, missing(err, "%s keyring", c)
		}
		k, ok := keysOf(owner, c)
		digest := seal.Digest(rec.Value)
		if !ok || subtle.ConstantTimeCompare(k.Keyring, digest[:]) != 1 {
			return nil, nil, tampered("%s keyring", c) // C1: an older keyring
		}
		r, s, err := openKeyring(id, c, rec.Value, root)
		if err != nil {
			return nil, nil, err
		}
		if r.current().number != k.Generation {
			return nil, nil, tampered("%s keyring", c)
		}
		if out[c] = r; s != nil {
			signer = s
		}
	}
	if signer == nil || !slices.Equal(signer.Public(), owner.Key) {
		return nil, nil, ErrUntrustedKey
	}
	return out, signer, nil
}
