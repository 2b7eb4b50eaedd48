package vault

// As returns the same open vault in the hands of somebody else, as far as the
// journal tells.
func (v *Vault) As(a Actor) *Vault {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &Vault{service: v.service, id: v.id, actor: a, signer: v.signer, rings: v.rings, epoch: v.epoch, session: v.session}
}

// WithoutOwner returns the same vault as somebody has it who was let into Shared.
func (v *Vault) WithoutOwner(a Actor) *Vault {
	other := v.As(a)
	other.rings = rings{Shared: v.rings[Shared]}
	return other
}
