"""Operations that are rare: audits, recovery, backups, erasure, re-syncs, retention."""
