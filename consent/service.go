package consent

import (
	"context"
	"errors"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Config is what the service of relays and workers stands on. All but Now and the
// numbers are required, and belong together: the vaults have the register as their
// directory, and all are over the same store.
type Config struct {
	Vaults    *vault.Vaults
	Store     *storage.Store
	Directory *Directory
	Register  *Register
	Now       func() time.Time // nil: time.Now

	InvitationsLast time.Duration // how long a code can be used; 0: seven days
	// OneFactor lets workers do without a second factor. Each of them reaches what many
	// people shared: leave it false.
	OneFactor bool
}

// Service is what relays and workers do: it opens their spaces, and people's through
// them. It keeps no key of anybody who is not signed in. Safe for many goroutines;
// several processes may serve the same store.
type Service struct {
	cfg Config

	mu      sync.Mutex
	names   map[vault.ID]string        // of workers who signed in here, so that not every request reads it
	settled map[RelayID]string         // the inbox under which every grant of a relay is known to lie
	places  map[placeName]vault.ItemID // where somebody lies in a roster
}

// New checks the configuration and names every problem at once.
func New(cfg Config) (*Service, error) {
	var problems []error
	for field, ok := range map[string]bool{"Vaults": cfg.Vaults != nil, "Store": cfg.Store != nil, "Directory": cfg.Directory != nil, "Register": cfg.Register != nil} {
		if !ok {
			problems = append(problems, invalid("Config."+field, "is missing"))
		}
	}
	if cfg.InvitationsLast < 0 {
		problems = append(problems, invalid("Config.InvitationsLast", "is negative"))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if cfg.InvitationsLast == 0 {
		cfg.InvitationsLast = 7 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg, names: map[vault.ID]string{}, settled: map[RelayID]string{}, places: map[placeName]vault.ItemID{}}, nil
}

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// remembered bounds each of the service's maps.
const remembered = 10_000

// keep adds to one of the service's maps.
func keep[K comparable](s *Service, in map[K]string, key K, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range in { // any one: forgetting costs one more look
		if len(in) < remembered {
			break
		}
		delete(in, other)
	}
	in[key] = value
}

func recall[K comparable](s *Service, in map[K]string, key K) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := in[key]
	return v, ok
}

// profile is what a worker says of themselves, in their own space.
type profile struct {
	Name string `cbor:"1,keyasint"`
}

const profileName = "profile"

// NewWorker is what it takes to work for relays: a name by which people are told who
// opened their space, a secret that nobody else ever knows, and a yes to a notice of
// what is kept about workers.
type NewWorker struct {
	Name     string
	Password string
	Notice   vault.Notice
	Consent  bool
	Channel  string
	Session  *vault.SessionRequest // nil: none, and nobody's space can be opened until the worker signs in with one
	Login    string                // of vault.NewLogin; empty: drawn now
}

// Enrol makes the account of somebody who works, or will work, for relays. It lets
// them into nothing: a relay does, see [Worker.Ask]. code is an invitation, so that
// not everybody can fill the store; it is looked at, and stays good. The commits: the
// account; then the name. After a crash between them the account has no name, see
// [Worker.Introduce].
//
// Errors: ErrInvitation, vault.ErrInvalid with every problem, and those of
// vault.Create.
func (s *Service) Enrol(ctx context.Context, code string, n NewWorker) (*Worker, error) {
	n.Name = cleanText(n.Name)
	if err := checkWorkerName(n.Name); err != nil {
		return nil, err
	}
	if _, _, err := s.invitation(ctx, code); err != nil {
		return nil, err
	}
	v, err := s.cfg.Vaults.Create(ctx, vault.CreateRequest{
		Password: n.Password, Notice: n.Notice, Consent: n.Consent, Channel: n.Channel, Session: n.Session, Login: n.Login, Kind: seal.KindWorker,
	})
	if err != nil {
		return nil, err
	}
	w := &Worker{service: s, own: v}
	return w, w.Introduce(ctx, n.Name)
}

// SignIn opens a worker's own space. With a session (p.Session) they can open people's
// spaces from it, see [Post.Open]. Errors: those of vault.Unlock.
func (s *Service) SignIn(ctx context.Context, p vault.Password) (*Worker, error) {
	p.Kind = seal.KindWorker
	v, err := s.cfg.Vaults.Unlock(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.worker(ctx, v)
}

// Resume opens the space of a worker's session, in any process.
// vault.ErrSessionEnded if it is over, or is no worker's.
func (s *Service) Resume(ctx context.Context, token string) (*Worker, error) {
	v, err := s.cfg.Vaults.Resume(ctx, token)
	if err != nil {
		return nil, err
	}
	w, err := s.worker(ctx, v)
	if errors.Is(err, vault.ErrNotAllowed) {
		return nil, vault.ErrSessionEnded // a person's session
	}
	return w, err
}

// Open opens the space of a session, whoever's it is: a worker's, or a person's own
// (then the worker is nil). vault.ErrSessionEnded if it is over.
func (s *Service) Open(ctx context.Context, token string) (*Worker, *vault.Vault, error) {
	v, err := s.cfg.Vaults.Resume(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	if _, err := v.OwnKeys(ctx); errors.Is(err, vault.ErrNotAllowed) {
		return nil, v, nil
	}
	w, err := s.worker(ctx, v)
	return w, nil, err
}

// worker makes the handle of who has just opened their own space.
func (s *Service) worker(ctx context.Context, v *vault.Vault) (*Worker, error) {
	w := &Worker{service: s, own: v}
	if _, err := v.OwnKeys(ctx); err != nil { // ErrNotAllowed for a person's
		v.Close()
		return nil, err
	}
	if name, ok := recall(s, s.names, v.ID()); ok {
		w.name = name
		return w, nil
	}
	var err error
	if w.name, err = s.readName(ctx, v); err != nil {
		v.Close()
		return nil, err
	}
	return w, nil
}

// readName reads who a worker says they are; "" if they have not: see Introduce.
func (s *Service) readName(ctx context.Context, v *vault.Vault) (string, error) {
	item, err := findData(ctx, v, formProfile, nil)
	if errors.Is(err, vault.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var p profile
	if err := formProfile.unpack(item.Data, &p); err != nil {
		return "", err
	}
	keep(s, s.names, v.ID(), p.Name)
	return p.Name, nil
}

// findData returns the first data of a form in a space that fits. vault.ErrNotFound
// if there is none.
func findData(ctx context.Context, v *vault.Vault, f form, fits func(data []byte) bool) (vault.Item, error) {
	all, err := v.List(ctx, &vault.ListOptions{Kind: vault.KindData})
	if err != nil {
		return vault.Item{}, err
	}
	for _, it := range all {
		if f.is(it.Data) && it.Binned.IsZero() && (fits == nil || fits(it.Data)) {
			return it, nil
		}
	}
	return vault.Item{}, vault.ErrNotFound
}
