#include "textflag.h"

// func spawnVM(trap, a1, a2, a3 uintptr, fn, arg unsafe.Pointer) (r, errno uintptr)
TEXT ·spawnVM(SB),NOSPLIT,$0-64
	MOVD	trap+0(FP), R8
	MOVD	a1+8(FP), R0
	MOVD	a2+16(FP), R1
	MOVD	a3+24(FP), R2
	MOVD	$0, R3
	MOVD	$0, R4
	MOVD	$0, R5
	MOVD	fn+32(FP), R10
	MOVD	arg+40(FP), R11
	SVC
	CBZ	R0, child
	CMN	$4095, R0
	BCS	failed
	MOVD	R0, r+48(FP)
	MOVD	$0, errno+56(FP)
	RET
failed:
	NEG	R0, R0
	MOVD	$0, r+48(FP)
	MOVD	R0, errno+56(FP)
	RET
child:
	// On a stack of its own. Call fn(arg) by Go's register convention: R28 is g as it
	// was, R26 is the closure. fn doesn't return.
	SUB	$64, RSP
	MOVD	R11, R0
	MOVD	R10, R26
	MOVD	(R26), R10
	CALL	(R10)
	BRK
