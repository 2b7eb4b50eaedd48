package backup

// Progress is told how far something is, for whoever waits. It is called often, from the
// goroutine that does the work, and returns at once. nil: nobody is told.
type Progress func(Step)

// Step is how far something is. It names nobody.
type Step struct {
	What string // "records", "records of the witness", "documents", "accounts" or "backups"
	Done int64
	Of   int64 // 0: it is not known yet
}

func (p Progress) say(what string, done, of int64) {
	if p != nil {
		p(Step{what, done, of})
	}
}

// of tells of one kind of things, whose number is not known before.
func (p Progress) of(what string) func(done int64) {
	return func(done int64) { p.say(what, done, 0) }
}

// ofFile tells of the records of a file, which says how many it has.
func (p Progress) ofFile(what string, f File) func(done int64) {
	return func(done int64) { p.say(what, done, f.Records) }
}

// The things that are counted.
const (
	stepRecords   = "records"
	stepWitness   = "records of the witness"
	stepDocuments = "documents"
	stepAccounts  = "accounts"
	stepBackups   = "backups"
)
