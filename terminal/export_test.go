package terminal

// CastEvent and ReplayCast read a recording; see replay.
type CastEvent = castEvent

var (
	ReplayCast = replay
	CastCodes  = ofCode
)
