-- Which version of the program last brought the schema up to date.
SELECT program FROM installation WHERE one = 1
