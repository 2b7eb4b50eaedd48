package vault

import (
	"slices"

	"reconnect.example/internal/seal"
)

// chosenItem is one item that a person let somebody see, as it was then: what the
// record said and the keys of its bytes. It opens nothing else of the vault, and
// no later revision.
type chosenItem struct {
	Item     [16]byte `cbor:"1,keyasint"`
	Revision uint64   `cbor:"2,keyasint"`
	Facts    []byte   `cbor:"3,keyasint"`
	Keys     [][]byte `cbor:"4,keyasint,omitempty"`
	Parts    []part   `cbor:"5,keyasint,omitempty"`
}

// MaxChosen is how many items one visit can be about.
const MaxChosen = 100

// maxChosenBytes is what a visit takes with it besides the papers themselves, so that
// the grant fits into one record.
const maxChosenBytes = 512 << 10

// choose takes items out of the vault for a visit.
func (t *turn) choose(ids []ItemID) ([]chosenItem, error) {
	if len(ids) > MaxChosen {
		return nil, ErrTooMany
	}
	out, size := []chosenItem{}, 0
	for _, id := range ids {
		r, err := t.find(id)
		if err != nil {
			return nil, err
		}
		if r.item.Kind == KindFolder {
			return nil, &InvalidError{Field: "items", Problem: "names a folder; choose what is in it"}
		}
		facts, err := seal.Marshal(r.item.facts())
		if err != nil {
			return nil, err
		}
		if size += len(facts) + partRecord*max(0, len(r.allParts())-1); size > maxChosenBytes {
			return nil, &InvalidError{Field: "items", Problem: "hold more text than one visit takes; choose fewer"}
		}
		out = append(out, chosenItem{Item: id, Revision: r.item.Revision, Facts: facts, Keys: r.allKeys(), Parts: r.allParts()})
	}
	return out, nil
}

func (c *chosenItem) record() (*record, error) {
	var facts recordFacts
	it := &Item{ID: c.Item, Compartment: Shared, Revision: c.Revision}
	if seal.Unmarshal(c.Facts, &facts) != nil || !facts.fill(it) || len(c.Keys) != len(c.Parts) {
		return nil, tampered("item %s", ItemID(c.Item))
	}
	it.Folder = ItemID{} // it says nothing of what else there is
	r := &record{item: it}
	r.hold(c.Parts, c.Keys)
	if it.Document != nil {
		if !r.holdsDocument() {
			return nil, tampered("item %s", ItemID(c.Item))
		}
		r.describe()
	}
	return r, nil
}

func (g *guest) find(id ItemID) (*record, error) {
	i := slices.IndexFunc(g.chosen, func(c chosenItem) bool { return ItemID(c.Item) == id })
	if i < 0 {
		return nil, ErrNotFound
	}
	return g.chosen[i].record()
}

func (g *guest) all() (out []loaded) {
	for _, c := range g.chosen {
		r, err := c.record()
		out = append(out, loaded{c.Item, r, err})
	}
	return out
}
