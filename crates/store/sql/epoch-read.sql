-- The epoch of this copy and the place where it is served.
SELECT epoch, place FROM installation WHERE one = 1
