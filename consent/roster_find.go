package consent

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"

	"reconnect.example/vault"
)

// Find returns one person whom the relay follows, without reading everybody, where
// this process has listed the relay's people before. Errors: vault.ErrNotFound, and
// those of [Post.People].
func (p *Post) Find(ctx context.Context, id vault.ID) (Person, error) {
	if err := p.mayHelp(); err != nil {
		return Person{}, err
	}
	if one, err := p.recall(ctx, id); !errors.Is(err, vault.ErrNotFound) {
		return one, err
	}
	_, people, err := p.people(ctx)
	for _, one := range people {
		if one.Vault == id {
			return one, nil
		}
	}
	if err == nil || errors.Is(err, vault.ErrTampered) {
		err = vault.ErrNotFound
	}
	return Person{}, err
}

// A process remembers where in a roster somebody was found, so that to open one is
// not to open all. What it remembers names nobody: the names are made of the ids of
// people under the relay's inbox key, so that without that key, which only an open
// post has, memory does not tell who is followed where. The places are ids of items
// as the store has them. Nothing of it is believed: what lies in a place is read and
// checked like anything in the relay's space, and if it is not who was looked for,
// everybody is read.
type placeName [sha256.Size]byte

// placesKept bounds what is remembered: some 10 MB, fifty relays of 2,000 people.
const placesKept = 100_000

func (p *Post) placeOf(id vault.ID) placeName {
	mac := hmac.New(sha256.New, p.keys.Inboxes[0].Bytes())
	mac.Write([]byte("reconnect place in a roster"))
	mac.Write(p.relay.ID[:])
	mac.Write(id[:])
	return placeName(mac.Sum(nil))
}

// remember keeps where each of these was found.
func (p *Post) remember(all []Person) {
	s := p.service()
	named := make([]placeName, len(all))
	for i, one := range all {
		named[i] = p.placeOf(one.Vault)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, one := range all {
		for other := range s.places { // any one: forgetting costs one reading of everybody
			if len(s.places) < placesKept {
				break
			}
			delete(s.places, other)
		}
		s.places[named[i]] = one.item
	}
}

// recall looks where somebody was found the last time. vault.ErrNotFound if they are
// not there, or not followed by what is there: then everybody must be asked for. Of
// two entries of one person the later counts, which is what was remembered; if a
// still later one lies elsewhere, the person gave both.
func (p *Post) recall(ctx context.Context, id vault.ID) (Person, error) {
	s := p.service()
	name := p.placeOf(id)
	s.mu.Lock()
	at, known := s.places[name]
	s.mu.Unlock()
	if !known {
		return Person{}, vault.ErrNotFound
	}
	// As a list of one, so that the relay's journal does not say of whom.
	items, err := p.space.List(ctx, &vault.ListOptions{Kind: vault.KindData, Items: []vault.ItemID{at}})
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return Person{}, err
	}
	if len(items) == 0 { // also what was altered: it is named when everybody is read
		return Person{}, vault.ErrNotFound
	}
	k := rosterItem{item: items[0]}
	if formPerson.unpack(k.item.Data, &k.rosterEntry) != nil || k.Vault != id {
		return Person{}, vault.ErrNotFound
	}
	one := k.person()
	over, err := p.isOver(ctx, one)
	if err == nil && over {
		err = vault.ErrNotFound
	}
	return one, err
}
