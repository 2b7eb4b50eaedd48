package admin

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"reconnect.example/storage/filestore"
	"reconnect.example/vault/backup"
)

// BackupTo asks for a backup into a folder of this machine.
type BackupTo struct{ Folder string }

// BackedUp says what a backup holds.
type BackedUp struct {
	Name      string
	Taken     time.Time
	Records   int64
	Documents int64
	Bytes     int64 // of the documents
	Witness   bool  // it holds a copy of the witness
	Damaged   int   // documents that the store has lost or spoilt
}

// Backup copies what the engines keep while they are in use. It returns when all
// of it is durable.
func (o *Operator) Backup(to BackupTo, out *BackedUp) (err error) {
	if !filepath.IsAbs(to.Folder) {
		return errors.New("the folder of a backup is named from the root")
	}
	if err := os.MkdirAll(to.Folder, 0o700); err != nil {
		return err
	}
	documents, err := filestore.Open(filepath.Join(to.Folder, backup.DocumentsName), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, documents.Close()) }()
	const call = "Operator.Backup"
	defer o.done(call)
	name, m, err := backup.Take(o.ctx, backup.Source{
		Store: o.data.Records, Blobs: o.data.Blobs, Witness: o.data.WitnessRecords, Now: o.now,
		Progress: func(s backup.Step) { o.at(call, Doing{What: s.What, Done: s.Done, Of: s.Of}) },
	}, to.Folder, documents)
	if err != nil {
		return err
	}
	*out = BackedUp{
		Name: name, Taken: m.Taken, Records: m.Records.Records, Documents: m.Documents, Bytes: m.Bytes,
		Witness: m.Witness != nil, Damaged: len(m.Damaged),
	}
	return nil
}
