"""Pages and tables for people: funnel, report, contact sheets, verdict differences."""

VERSION = 3
